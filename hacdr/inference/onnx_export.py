"""Writes a network as ONNX, with all that prediction needs to know of it."""

from __future__ import annotations

import inspect
import json
import math
import os
import tempfile
import warnings

import numpy as np
import torch
import torch.nn as nn

import hacdr
from hacdr.errors import InputError
from hacdr.files import atomic_write, file_sha256, require_folder
from hacdr.inference.onnx_network import OnnxNetwork
from hacdr.inference.torch_network import TorchNetwork
from hacdr.ops.onnx_conv import deform_conv_operators

# The first with DeformConv.
OPSET = 19
# Sides, in pixels, of what the network is traced on and of what it is compared on.
TRACED, COMPARED = (64, 96), (160, 232)
# The largest difference of a probability that passes for the same network, and for one
# whose weights were rounded.
SAME, ROUNDED = 1e-3, 0.1


def export_onnx(
    weights: str,
    path: str,
    config: str | None = None,
    card: str = '',
    half: bool = False,
) -> float:
    """Write a network as ONNX, after comparing it with torch's.

    Kernels that half precision holds without loss are stored in it, as those of
    ``hacdr publish`` are: half the size, the same network.

    Args:
        weights (str): checkpoint file.
        path (str): file to write, .onnx; it appears whole or not at all.
        config (str, optional): config file; by default the one in the checkpoint.
        card (str): text about the weights that comes with them.
        half (bool): store all kernels in half precision, rounded where need be.

    Returns:
        float: the largest difference of a probability from torch's.

    Raises:
        InputError: no folder to write to, a package that is missing or too old, weights
            or config that are bad or cannot be exported, or a network that comes out as
            another.
    """
    if not path.endswith('.onnx'):
        raise InputError(f'{path}: expected a name that ends in .onnx')
    require_folder(path)
    onnx = _check_packages()
    options = {'model.test_cfg.bfloat16': False}
    network = TorchNetwork(weights, config, 'cpu', options, fuse=False)
    if network.preprocessing is None:
        raise InputError(
            f'{weights}: cannot be exported; expected a LesionEncoderDecoder that '
            'tests whole photographs with LoadPhotograph and LocalContrastNormalize '
            'or Normalize'
        )
    with tempfile.TemporaryDirectory() as folder:
        traced = os.path.join(folder, 'traced.onnx')
        _export(Logits(network.model), traced, TRACED)
        model = onnx.load(traced)
    _store_in_half(model, half)
    onnx.helper.set_model_props(model, _describe(network, weights, card))
    model.producer_name, model.producer_version = 'hacdr', hacdr.__version__
    with atomic_write(path) as temporary:
        onnx.save(model, temporary)
        difference = _compare(network, OnnxNetwork(temporary, 'cpu'))
        limit = ROUNDED if half else SAME
        if not difference <= limit:
            raise InputError(
                f'{weights}: onnxruntime gives probabilities that differ by '
                f"{difference:.2g} from torch's, expected at most {limit}; not written"
            )
    return difference


class Logits(nn.Module):
    """From what a network sees to its logits at that size.

    Args:
        model (nn.Module): an EncoderDecoder of mmseg.

    Shape:
        (B, 3, h, w) to (B, num_classes, h, w).
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, img: torch.Tensor) -> torch.Tensor:
        """Return the logits of ``img``."""
        return self.model.encode_decode(img, None)


def _check_packages():
    """Return the package onnx, where all that is needed is here."""
    try:
        _export(nn.Identity(), os.devnull, (1, 1))
    except UserWarning as error:
        raise InputError(
            f'torch {torch.__version__} does not write opset {OPSET} of ONNX, which '
            'hacdr export needs: it takes the current stack, with torch 2.11'
        ) from error
    try:
        import onnx
    except ImportError:
        raise InputError(
            "hacdr export needs the package onnx: pip install 'hacdr[export]'"
        ) from None
    return onnx


@torch.no_grad()
def _export(module, path, size):
    axes = {0: 'batch', 2: 'height', 3: 'width'}
    arguments = dict(
        opset_version=OPSET,
        input_names=['image'],
        output_names=['logits'],
        dynamic_axes={'image': axes, 'logits': axes},
        autograd_inlining=False,
    )
    # torch 2.1 knows no other way.
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        arguments['dynamo'] = False
    with warnings.catch_warnings(), deform_conv_operators():
        # That this way is the older one; that sizes are traced.
        warnings.simplefilter('ignore')
        warnings.filterwarnings('error', 'Exporting to ONNX opset version')
        torch.onnx.export(module.eval(), (torch.zeros(1, 3, *size),), path, **arguments)


def _store_in_half(model, rounded):
    """Store kernels of float32 in half precision, and cast them at their use.

    Vectors keep their precision, as in :mod:`hacdr.engine.publishing`.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in model.graph.initializer:
        is_vector = math.prod(weight.dims) == max(weight.dims, default=1)
        if weight.data_type != TensorProto.FLOAT or is_vector:
            continue
        values = numpy_helper.to_array(weight)
        with np.errstate(over='ignore'):
            half = values.astype(np.float16)
        exact = np.array_equal(half.astype(np.float32), values)
        if not exact and not (rounded and np.isfinite(half).all()):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f'{name}.half'))
        casts.append(
            helper.make_node('Cast', [f'{name}.half'], [name], to=TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _describe(network, weights, card):
    """Return what comes with the weights, by name."""
    known = dict(
        format=1,
        hacdr=hacdr.__version__,
        classes=network.classes,
        palette=network.palette,
        thresholds=network.thresholds,
        trained_diameter=network.trained_diameter,
        preprocessing=network.preprocessing._asdict(),
        flips=network.averages_flips,
        dataset=network.dataset,
        config_sha256=network.config_sha256,
        source=os.path.basename(weights),
        source_sha256=file_sha256(weights),
    )
    return {**{k: json.dumps(v) for k, v in known.items()}, 'card': card}


def _compare(network, exported):
    """Return the largest difference of a probability, on noise of several scales."""
    rng = np.random.default_rng(0)
    planes = sum(
        np.kron(
            rng.normal(0, 0.5, (3, COMPARED[0] // n, COMPARED[1] // n)),
            np.ones((1, n, n)),
        )
        for n in (1, 4, 8)
    ).astype(np.float32)
    both = [
        torch.from_numpy(each.logits(planes)).softmax(0) for each in (network, exported)
    ]
    return float((both[0] - both[1]).abs().max())

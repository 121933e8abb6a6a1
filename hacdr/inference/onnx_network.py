"""Networks on onnxruntime: neither torch nor mmseg is needed."""

from __future__ import annotations

import json
import os

import numpy as np

from hacdr.errors import InputError, first_line
from hacdr.inference.preprocessing import Preprocessing
from hacdr.parallel import count_cores

# The first that computes DeformConv.
OLDEST = 1, 25


class OnnxNetwork:
    """A network that ``hacdr export`` has written.

    Args:
        weights (str): file, .onnx.
        device (str | None): 'cpu', 'cuda:0'; None takes the GPU where onnxruntime-gpu
            finds one.

    Attributes: as :class:`hacdr.inference.torch_network.TorchNetwork`, and

        card (str): text about the weights.
        source_sha256 (str): of the file that was exported.

    Raises:
        InputError: onnxruntime is missing or too old, there is no such device, or the
            file was not written by ``hacdr export``.
    """

    def __init__(self, weights: str, device: str | None = None) -> None:
        runtime = _import_runtime(weights)
        provider, self.device = _choose_provider(runtime, device)
        self._session = _start(runtime, weights, provider)
        known = _read_description(self._session, weights)
        self.classes = tuple(known['classes'])
        self.palette = known['palette']
        self.thresholds = known['thresholds']
        self.trained_diameter = known['trained_diameter']
        scale, reduced, values = known['preprocessing'].values()
        self.preprocessing = Preprocessing(tuple(scale), reduced, values)
        self.averages_flips = known['flips']
        self.dataset = known['dataset']
        self.config_sha256 = known['config_sha256']
        self.card = known['card']
        self.source_sha256 = known['source_sha256']

    def logits(self, planes: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            planes (np.ndarray): float32, (3, h, w).

        Returns:
            np.ndarray: float32, (classes, h, w).
        """
        return self._session.run(None, {'image': planes[None]})[0][0]


def _import_runtime(weights):
    wanted = f'onnxruntime {".".join(map(str, OLDEST))} or newer'
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            f"{weights}: needs {wanted}: pip install 'hacdr[onnx]'"
        ) from None
    version = tuple(int(part) for part in onnxruntime.__version__.split('.')[:2])
    if version < OLDEST:
        raise InputError(f'{weights}: needs {wanted}, found {onnxruntime.__version__}')
    return onnxruntime


def _choose_provider(runtime, device):
    """Return the name and options of what computes, and the device's name."""
    gpu = 'CUDAExecutionProvider' in runtime.get_available_providers()
    device = device or ('cuda:0' if gpu else 'cpu')
    kind, _, index = device.partition(':')
    if kind == 'cuda' and gpu and (index or '0').isdigit():
        return ('CUDAExecutionProvider', dict(device_id=int(index or 0))), device
    if device != 'cpu':
        raise InputError(
            f"device {device}: no such device for onnxruntime; expected 'cpu'"
            + (" or 'cuda:0'" if gpu else ', or onnxruntime-gpu and a GPU')
        )
    return ('CPUExecutionProvider', {}), device


def _start(runtime, weights, provider):
    options = runtime.SessionOptions()
    # By itself it takes all cores, whatever share of them this process has.
    threads = os.environ.get('OMP_NUM_THREADS', '')
    options.intra_op_num_threads = int(threads) if threads.isdigit() else count_cores()
    # Waiting threads would keep the cores from whoever decodes and writes.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    # For inputs of one size always it would plan memory once, and take more of it.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(weights, options, providers=[provider])
    except Exception as error:
        # It raises a dozen kinds of exceptions, none of them documented.
        reason = first_line(error)
        raise InputError(f'{weights}: onnxruntime cannot load it ({reason})') from error
    if session.get_providers()[0] != provider[0]:
        raise InputError(f'{weights}: onnxruntime cannot use the GPU; try --device cpu')
    return session


def _read_description(session, weights):
    """Return what ``hacdr export`` wrote about the weights."""
    texts = session.get_modelmeta().custom_metadata_map
    try:
        known = {k: json.loads(v) for k, v in texts.items() if k != 'card'}
        if known['format'] != 1:
            raise InputError(
                f'{weights}: format {known["format"]}, expected 1: of another version '
                'of hacdr'
            )
    except (KeyError, ValueError) as error:
        raise InputError(
            f'{weights}: not a network that hacdr export has written'
        ) from error
    return dict(known, card=texts.get('card', ''))

"""Published weights: alone, rounded, with what prediction needs."""

from __future__ import annotations

import json

import torch
from mmcv import Config

from hacdr.engine.stored_config import parse_config, prediction_config
from hacdr.errors import InputError, first_line
from hacdr.files import file_sha256, write_bytes


def publish_weights(
    checkpoint: dict,
    path: str,
    thresholds: dict[str, float] | None = None,
    config: Config | None = None,
    trained_diameter: float | None = None,
) -> str:
    """Write the weights of a checkpoint, rounded, and what prediction needs.

    With them come the names and colours of the classes, the number of iterations and
    what prediction needs of the config (network and test pipeline, no paths).

    Kernels are rounded to half precision, in which values nearer to zero than 3e-8
    become zero. Vectors (biases, and what normalisations hold) are stored in float32:
    they are a hundredth of the file, and variances outgrow half precision.

    Args:
        checkpoint (dict): as :func:`hacdr.engine.weights.read_checkpoint` returns it.
        path (str): file to write, .safetensors; it appears whole or not at all.
        thresholds (dict[str, float], optional): lesion -> working threshold, to come
            with the weights; by default those that are in the checkpoint.
        config (mmcv.Config, optional): the config of the training; by default the one
            in the checkpoint.
        trained_diameter (float, optional): of the field of view in the photographs of
            the training, in pixels, as the network saw them; smaller ones are warned of
            at prediction. By default the one in the checkpoint.

    Returns:
        str: its sha256.

    Raises:
        InputError: ``path`` has another suffix, there are no weights, a value is no
            number or is finite and too large for half precision, thresholds are of
            other lesions, the diameter is none, or the checkpoint's config is more than
            plain values.
    """
    from safetensors.torch import save

    if not path.endswith('.safetensors'):
        raise InputError(f'{path}: expected a name that ends in .safetensors')
    weights = {
        name: _reduce(tensor, name) if tensor.is_floating_point() else tensor
        for name, tensor in checkpoint.get('state_dict', checkpoint).items()
        if isinstance(tensor, torch.Tensor)
    }
    if not weights:
        raise InputError(f'{path}: the checkpoint holds no weights to publish')
    meta = checkpoint.get('meta', {})
    keys = ('CLASSES', 'PALETTE', 'iter', 'thresholds', 'trained_diameter')
    kept = {key: meta[key] for key in keys if key in meta}
    if thresholds is not None:
        lesions = [*kept.get('CLASSES', ())][1:]
        if lesions and {*thresholds} != {*lesions}:
            raise InputError(
                f'{path}: thresholds for {", ".join(thresholds)}, expected one for '
                f'each of {", ".join(lesions)}'
            )
        kept['thresholds'] = thresholds
    if trained_diameter is not None:
        check_diameter(trained_diameter, path)
        kept['trained_diameter'] = trained_diameter
    if config is None and meta.get('config'):
        config = parse_config(meta['config'], path)
    if config is not None:
        kept['config'] = prediction_config(config)
    # Its own writing would tell a full disk by an exception of its own.
    write_bytes(path, save(weights, {'meta': json.dumps(kept)}))
    return file_sha256(path)


def _reduce(tensor, name):
    kind = torch.half if tensor.dim() > 1 else torch.float
    reduced = tensor.to(kind)
    # What is infinite already is of weights that work so: see require_numbers.
    lost = tensor[~torch.isfinite(reduced) & ~torch.isinf(tensor)]
    if len(lost):
        raise InputError(
            f'{name}: {lost[0].item():g} cannot be published, '
            f'expected at most {torch.finfo(kind).max:g}'
        )
    return reduced


def check_diameter(value: object, path: str) -> None:
    """Refuse a diameter of the field of view that is none; None is not known.

    Raises:
        InputError: it is no number of pixels.
    """
    number = isinstance(value, (int, float)) and 0 < value < float('inf')
    if value is not None and not number:
        raise InputError(
            f'{path}: trained diameter {value!r}, expected a number of pixels'
        )


def read_published(path: str) -> dict:
    """Read weights that :func:`publish_weights` wrote.

    Args:
        path (str): file name, .safetensors.

    Returns:
        dict: 'state_dict' and 'meta'.

    Raises:
        InputError: it is no such file, or a damaged one.
    """
    from safetensors import safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(path, 'pt') as file:
            meta = (file.metadata() or {}).get('meta', '{}')
        return {'state_dict': load_file(path), 'meta': json.loads(meta)}
    except Exception as error:
        raise unreadable(path, error) from error


def unreadable(name: str, error: Exception) -> InputError:
    """Return the InputError, of one line, for a file that could not be read."""
    return InputError(f'{name}: not a readable checkpoint ({first_line(error)})')

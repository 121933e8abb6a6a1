"""Where the weights are that come with the package."""

from __future__ import annotations

from pathlib import Path

from hacdr.errors import InputError
from hacdr.shipped import find_shipped
from hacdr.stack import find_missing

DEFAULT = 'hacdr_idrid_lean'
SUFFIXES = '.safetensors', '.onnx'


def find_weights(weights: str | Path | None = None) -> str:
    """Find a file of weights.

    Args:
        weights (str | Path, optional): a file, or the name of weights that come with
            the package; by default the one that is meant for everybody. Of a name's
            files the .onnx is taken where torch or mmseg is missing.

    Returns:
        str: the file.

    Raises:
        InputError: there is none.
    """
    if weights is not None and Path(weights).is_file():
        return str(weights)
    name = DEFAULT if weights is None else str(weights)
    suffixes = SUFFIXES[1:] if find_missing() else SUFFIXES
    folder = find_shipped('weights')
    for suffix in suffixes:
        path = folder / f'{name}{suffix}'
        if path.is_file():
            return str(path)
    if (folder / f'{name}{SUFFIXES[0]}').is_file():
        raise InputError(
            f'{name}: published for torch and mmsegmentation alone, which are missing'
        )
    published = sorted({p.stem for p in folder.iterdir() if p.suffix in suffixes})
    raise InputError(
        f'{name}: no such file of weights, nor the name of published ones '
        f'({", ".join(published)})'
    )


def find_start(weights: str) -> str:
    """Find the checkpoint that a training starts from, or that is tested.

    Args:
        weights (str): a file, an address that mmcv knows, or the name of weights that
            come with the package.

    Returns:
        str: the file of a name; all else as it is.
    """
    if Path(weights).name != weights or Path(weights).exists():
        return weights
    path = find_shipped('weights') / f'{weights}{SUFFIXES[0]}'
    return str(path) if path.is_file() else weights

"""From a folder of photographs to label maps and overlays."""

import json
import os
from pathlib import Path

from tqdm import tqdm

from hacdr.errors import InputError
from hacdr.files import write_bytes, write_text
from hacdr.images import PHOTOGRAPH_SUFFIXES, read_map, read_photograph
from hacdr.inference.outputs import OUTPUTS, Prediction
from hacdr.inference.prediction import choose_classes, thresholds_to_limits
from hacdr.inference.torch_network import segment

RECORD = 'predictions.json'


def predict_folder(model, source, output, identity, labels=None, thresholds=None):
    """Segment every photograph of a folder.

    For ``eye.jpg`` it writes ``eye.png`` (label map, 8-bit palette, values as in
    ``model.CLASSES``) and ``eye_overlay.jpg`` (photograph and outlines side by
    side), see :data:`~hacdr.inference.outputs.OUTPUTS`. Photographs that were done
    before, and have not changed since (nor their label maps), are skipped, so that
    an interrupted run goes on where it stopped. A photograph that cannot be read is
    passed over and reported at the end.

    Args:
        model (nn.Module): a segmentor with ``CLASSES``, ``PALETTE`` and ``cfg``, as
            :func:`hacdr.apis.init_model` returns it.
        source (str | Path): a photograph or a folder of photographs.
        output (str | Path): folder for the results; made where it is missing.
        identity (dict): what makes the predictions (config, checkpoint's sha256,
            thresholds); kept in ``predictions.json``, with where ``labels`` are.
        labels (str | Path, optional): folder with the experts' label maps
            (``eye.png``), drawn beside the prediction.
        thresholds (dict[str, float], optional): see
            :class:`hacdr.apis.Predictor`.

    Returns:
        List[Path]: the label maps of all photographs, written now or before.

    Raises:
        InputError: no photograph in ``source``; two photographs of one name;
            ``output`` is where the photographs are, or holds predictions of another
            model or drawn beside other label maps; no label map for a photograph;
            photographs that could not be read.
    """
    photographs = find_photographs(source)
    output = Path(output)
    if output.resolve() in {path.resolve().parent for path in photographs}:
        raise InputError(
            f'{output}: is the folder of the photographs, which label maps would '
            'overwrite; expected another folder for the results'
        )
    identity = dict(identity, labels=labels and os.path.abspath(labels))
    _claim_folder(output, identity)
    written, unreadable = [], []
    with tqdm(photographs, desc='photographs', unit='photograph') as bar:
        for path in bar:
            results = [output / f'{path.stem}{ending}' for ending in OUTPUTS]
            label_path = _find_label(labels, path)
            if not _is_done([path, label_path], results):
                try:
                    photograph = read_photograph(path)
                except InputError:
                    unreadable.append(path.name)
                    continue
                prediction = Prediction(
                    photograph=photograph,
                    experts=_read_label(label_path, path, photograph.shape[:2]),
                    label=predict(model, path, thresholds),
                    classes=model.CLASSES,
                    palette=model.PALETTE,
                )
                for result, encode in zip(results, OUTPUTS.values()):
                    write_bytes(result, encode(prediction))
            written.append(output / f'{path.stem}.png')
    if unreadable:
        raise InputError(
            f'{len(unreadable)} of {len(photographs)} photographs in {source} could '
            f'not be read and were passed over: {", ".join(unreadable[:5])}'
            + (', ...' if len(unreadable) > 5 else '')
        )
    return written


def predict(model, path, thresholds=None):
    """Return the label map of a photograph, uint8 (H, W)."""
    result = segment(model, path)
    if result.ndim == 2 and thresholds is None:
        return result.astype('uint8')
    if result.ndim == 2:
        raise InputError(
            "thresholds need probabilities, test_cfg.output='prob'; got classes"
        )
    return choose_classes(result, thresholds_to_limits(thresholds, model.CLASSES))


def _is_done(sources, results):
    changed = max(path.stat().st_mtime for path in sources if path is not None)
    return all(path.exists() and path.stat().st_mtime >= changed for path in results)


def find_photographs(source):
    """List the photographs of a folder (not of its sub-folders), sorted by name.

    Args:
        source (str | Path): a photograph or a folder.

    Returns:
        List[Path]: at least one photograph.

    Raises:
        InputError: ``source`` is missing or holds none, or two share one stem.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f'{source}: no such file or folder of photographs')
    found = [source] if source.is_file() else sorted(source.iterdir())
    photographs = [p for p in found if p.suffix.lower() in PHOTOGRAPH_SUFFIXES]
    if not photographs:
        raise InputError(
            f'{source}: no photograph found (expected {", ".join(PHOTOGRAPH_SUFFIXES)})'
        )
    stems = {}
    for path in photographs:
        if path.stem in stems:
            raise InputError(
                f'{source}: {stems[path.stem].name} and {path.name} would be written '
                f'to the same {path.stem}.png; rename one of them'
            )
        stems[path.stem] = path
    return photographs


def _claim_folder(output, identity):
    """Make the output folder this model's, or refuse another model's."""
    record = output / RECORD
    if output.exists() and not output.is_dir():
        raise InputError(f'{output}: is a file, expected a folder for the results')
    if record.exists():
        try:
            before = json.loads(record.read_text())
        except ValueError:
            before = None
        if before != identity:
            raise InputError(
                f'{output} holds predictions of another checkpoint, config or '
                'thresholds, or drawn beside other label maps of experts; choose '
                'another output folder'
            )
        return
    output.mkdir(parents=True, exist_ok=True)
    write_text(record, json.dumps(identity, indent=2) + '\n')


def _find_label(folder, photograph_path):
    """Return the file of the experts' label map; None without a folder of them."""
    if folder is None:
        return None
    path = Path(folder) / f'{photograph_path.stem}.png'
    if not path.is_file():
        raise InputError(f'{path}: no label map for {photograph_path.name}')
    return path


def _read_label(path, photograph_path, size):
    if path is None:
        return None
    label = read_map(path)
    if label.shape != size:
        raise InputError(
            f'{path}: label map of size {label.shape}, expected that of '
            f'{photograph_path.name}, {size}'
        )
    return label

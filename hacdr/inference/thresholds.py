"""Working thresholds that a test on validation photographs chose."""

from __future__ import annotations

from hacdr.errors import InputError
from hacdr.evaluation import read_content


def read_thresholds(
    path: str,
    checkpoint_sha256: str,
    dataset: str | None = None,
    folds: bool = False,
) -> dict[str, float]:
    """Read working thresholds that were chosen on validation photographs.

    Args:
        path (str): results file of such a test.
        checkpoint_sha256 (str): of the checkpoint they are for.
        dataset (str, optional): type of the dataset; any without.
        folds (bool): take pooled results of a cross-validation too. They are of other
            checkpoints, of the same recipe as far as the caller knows.

    Returns:
        dict[str, float]: lesion -> threshold.

    Raises:
        InputError: a file of another split, checkpoint or dataset, or of predictions
            without probabilities.
    """
    content = read_content(path)
    of_folds = folds and content['split'] == 'folds'
    if not of_folds and content['split'] != 'val':
        expected = 'those of hacdr test --split val'
        if folds:
            expected += ', or results_folds.json of a study'
        raise InputError(
            f'{path}: scores of {content["split"]}, which choose no thresholds for '
            f'this checkpoint; expected {expected}'
        )
    if not of_folds and content['checkpoint_sha256'] != checkpoint_sha256:
        raise InputError(
            f'{path}: thresholds of a checkpoint with sha256 '
            f'{content["checkpoint_sha256"]!s:.8}, expected {checkpoint_sha256[:8]}: '
            'those of hacdr test --split val on the same checkpoint'
        )
    if dataset is not None and content['dataset'] != dataset:
        raise InputError(
            f'{path}: thresholds for {content["dataset"]}, expected {dataset}'
        )
    if content['summary']['best_dice_thresholds'] is None:
        raise InputError(f'{path}: no thresholds, predictions were label maps')
    return content['summary']['best_dice_thresholds']

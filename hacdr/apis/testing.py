"""What tools/test.py decides before it builds anything."""

import copy

from mmseg.datasets import DATASETS, PIPELINES
from mmseg.datasets.pipelines import Resize

from hacdr.datasets.lesion import LesionDataset
from hacdr.errors import InputError
from hacdr.evaluation import read_results


def dataset_to_test(cfg, split):
    """Return the config of the dataset to test on.

    Args:
        cfg (mmcv.Config): the config; left unchanged.
        split (str): 'train', 'val' or 'test'.

    Returns:
        ConfigDict: the dataset of that split, with the pipeline of the test.

    Raises:
        InputError: the config has no such dataset.
    """
    for name in (split, 'test'):
        if name not in cfg.data:
            raise InputError(f'config has no data.{name}, which --split {split} needs')
    data = cfg.data[split]
    # Training sets are wrapped, so that they repeat.
    while 'dataset' in data:
        data = data.dataset
    if isinstance(data.get('split'), (list, tuple)):
        raise InputError(f'data.{split} joins several data sets: test them one by one')
    return type(data)(
        {
            **copy.deepcopy(data),
            'pipeline': copy.deepcopy(cfg.data.test.pipeline),
            'test_mode': True,
        }
    )


def check_scored(dataset):
    """Refuse a dataset whose results are not ours to score.

    Args:
        dataset (str): its type.

    Raises:
        InputError: it is no LesionDataset.
    """
    if not issubclass(DATASETS.get(dataset), LesionDataset):
        raise InputError(
            f'--eval: {dataset} is no LesionDataset; use the test.py of mmsegmentation'
        )


def average_versions(data):
    """Make a test average over six scales and mirror images.

    Args:
        data (ConfigDict): the dataset; its pipeline is changed.

    Raises:
        InputError: the pipeline has no MultiScaleFlipAug with a resizing step in it.
    """
    for step in data.pipeline:
        resized = any(
            issubclass(PIPELINES.get(inner.type), Resize)
            for inner in step.get('transforms', [])
        )
        if step.type == 'MultiScaleFlipAug' and resized:
            step.img_ratios = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
            step.flip = True
            return
    raise InputError(
        '--aug-test: the pipeline of the test has no MultiScaleFlipAug with a Resize '
        'in it; --cfg-options model.test_cfg.flips=True averages over mirror images'
    )


def read_thresholds(path, checkpoint_sha256, dataset=None):
    """Read working thresholds that were chosen on validation photographs.

    Args:
        path (str): results file of such a test.
        checkpoint_sha256 (str): of the checkpoint they are for.
        dataset (str, optional): type of the dataset; any without.

    Returns:
        dict[str, float]: lesion -> threshold.

    Raises:
        InputError: a file of the test set, of another checkpoint or another dataset,
            or of predictions without probabilities.
    """
    content, _ = read_results(path)
    if content['split'] == 'test':
        raise InputError(
            f'{path}: scores of the test set, which must not choose thresholds; '
            'expected those of tools/test.py --split val'
        )
    if content['checkpoint_sha256'] != checkpoint_sha256:
        raise InputError(
            f'{path}: thresholds of a checkpoint with sha256 '
            f'{content["checkpoint_sha256"][:8]}, expected {checkpoint_sha256[:8]}: '
            'those of tools/test.py --split val on the same checkpoint'
        )
    if dataset is not None and content['dataset'] != dataset:
        raise InputError(
            f'{path}: thresholds for {content["dataset"]}, expected {dataset}'
        )
    if content['summary']['best_dice_thresholds'] is None:
        raise InputError(f'{path}: no thresholds, predictions were label maps')
    return content['summary']['best_dice_thresholds']

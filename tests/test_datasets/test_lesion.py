from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.parallel import MMDataParallel
from mmcv.runner import build_runner
from mmcv.utils import get_logger
from mmseg.core import EvalHook
from mmseg.datasets import ConcatDataset, build_dataloader
from PIL import Image

from hacdr.datasets.lesion import LesionDataset
from hacdr.errors import InputError
from hacdr.evaluation import write_probabilities
from tests.test_datasets.distributed import make_dataset, write_photographs


@pytest.fixture
def dataset(tmp_path):
    write_photographs(tmp_path, 'ab')
    return make_dataset(tmp_path)


def save(path, values):
    Image.fromarray(values).save(path)


def perfect(dataset):
    labels = [dataset.get_gt_seg_map_by_idx(i) for i in range(len(dataset))]
    return [np.eye(5, dtype=np.float32)[label].transpose(2, 0, 1) for label in labels]


class Oracle(torch.nn.Module):
    """Knows the label map; better from one call of train_step to the next."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers
        self.steps = torch.nn.Parameter(torch.zeros(1))
        self.calls = 0

    def forward(self, img, img_metas, return_loss):
        answer = self.answers[self.calls % len(self.answers)]
        self.calls += 1
        share = np.float32(int(self.steps) / 8)
        noise = np.random.default_rng(self.calls).random(answer.shape, np.float32)
        return [share * answer + (1 - share) * noise]

    def train_step(self, data, optimizer):
        with torch.no_grad():
            self.steps += 1
        return dict(loss=self.steps.sum() * 0, log_vars={}, num_samples=1)


def test_scores_do_not_depend_on_pre_eval(dataset):
    predictions = perfect(dataset)
    scores = [dataset.pre_eval([p], [i])[0] for i, p in enumerate(predictions)]
    figures = dataset.evaluate(scores)
    assert figures == dataset.evaluate(predictions)
    assert figures['mAUPR'] == figures['mDice'] == figures['mIoU'] == 1
    assert figures['AUPR.MA'] == 1
    assert all(type(value) is float for value in figures.values())


def test_metrics_are_those_asked_for(dataset):
    figures = dataset.evaluate(perfect(dataset), metric='mDice')
    assert set(figures) == {'mDice', 'Dice.EX', 'Dice.HE', 'Dice.SE', 'Dice.MA'}


def test_an_unknown_metric(dataset):
    with pytest.raises(InputError, match='mAcc, expected some of mAUPR, mDice, mIoU'):
        dataset.evaluate(perfect(dataset), metric=['mAcc'])


def test_label_maps_have_no_average_precision(dataset):
    labels = [p.argmax(0) for p in perfect(dataset)]
    assert dataset.evaluate(labels, metric=['mDice'])['mDice'] == 1
    with pytest.raises(InputError, match='LesionEncoderDecoder'):
        dataset.evaluate(labels, metric=['mAUPR'])


def test_a_prediction_of_another_size_names_the_photograph(dataset):
    with pytest.raises(InputError, match=r'b\.png'):
        dataset.pre_eval([np.zeros((5, 3, 3), np.float32)], [1])


def test_masks_count_lesions_that_overlap(dataset, tmp_path):
    exudates = (dataset.ground_truth_of(0) & 1).sum()
    drawn = make_dataset(tmp_path, ground_truth='masks').ground_truth_of(0)
    assert (drawn & 1).sum() == exudates
    assert (drawn & 3 == 3).sum() == 6
    elsewhere = make_dataset(tmp_path, ground_truth='masks', mask_dir='labels')
    assert (elsewhere.ground_truth_of(0) & 3 == 3).any()


def test_files_of_photographs_and_truths(dataset, tmp_path, monkeypatch):
    assert dataset.photographs == ['images/a.png', 'images/b.png']
    assert dataset.ground_truths == ['labels/a.png', 'labels/b.png']
    drawn = make_dataset(tmp_path, ground_truth='masks')
    assert drawn.ground_truths == ['masks/a.png', 'masks/b.png']
    assert drawn.label_maps == ['labels/a.png', 'labels/b.png']
    monkeypatch.chdir(tmp_path.parent)
    below = tmp_path.name
    rootless = LesionDataset(
        pipeline=[],
        img_suffix='.png',
        img_dir=str(tmp_path / 'images'),
        ann_dir=f'{below}/labels',
        test_mode=True,
    )
    assert rootless.root == '.'
    assert rootless.photographs == [f'{below}/images/a.png', f'{below}/images/b.png']
    assert rootless.ground_truths == [f'{below}/labels/a.png', f'{below}/labels/b.png']


@pytest.mark.parametrize(
    ('labels', 'masks'),
    [
        ('labels/train', 'masks/train'),
        ('train/labels', 'train/masks'),
        ('labels/a/labels/b', 'labels/a/masks/b'),
    ],
)
def test_pipelines_are_told_of_the_masks_beside_the_labels(tmp_path, labels, masks):
    for folder in ('images', labels):
        (tmp_path / folder).mkdir(parents=True)
        save(tmp_path / folder / 'a.png', np.ones((4, 4), np.uint8))

    def mask_prefix(**options):
        options.update(data_root=str(tmp_path), ann_dir=labels, img_suffix='.png')
        sample = {}
        LesionDataset(pipeline=[], img_dir='images', **options).pre_pipeline(sample)
        return sample['mask_prefix']

    assert mask_prefix() is None
    assert mask_prefix(mask_dir='drawn') == str(tmp_path / 'drawn')
    (tmp_path / masks).mkdir(parents=True)
    assert mask_prefix() == str(tmp_path / masks)


def test_masks_beside_no_labels(tmp_path, dataset):
    (tmp_path / 'labels').rename(tmp_path / 'maps')
    with pytest.raises(InputError, match=r"no folder 'labels' in ann_dir .*maps"):
        make_dataset(tmp_path, ann_dir='maps', ground_truth='masks')


def test_the_field_of_view(tmp_path, dataset):
    inside = make_dataset(tmp_path, region='fov')
    # The right edge of the photographs is black.
    assert (inside.ground_truth_of(0)[:, 26:] & 128).all()
    assert not (inside.ground_truth_of(0)[4:-4, 4:20] & 128).any()
    assert not (dataset.ground_truth_of(0) & 128).any()


def test_a_missing_mask_or_photograph_is_named(tmp_path, dataset):
    (tmp_path / 'masks' / 'a.png').unlink()
    with pytest.raises(InputError, match=r'masks/a\.png: no such file'):
        make_dataset(tmp_path, ground_truth='masks').ground_truth_of(0)
    (tmp_path / 'images' / 'b.png').write_bytes(b'cut off')
    with pytest.raises(
        InputError, match=r'images/b\.png: photograph cannot be decoded'
    ):
        make_dataset(tmp_path, region='fov').ground_truth_of(1)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(ground_truth='mask'),
            "ground_truth is 'mask', expected one of labels, masks",
        ),
        (dict(region='eye'), "region is 'eye', expected one of image, fov"),
        (dict(thresholds=dict(EX=0.5)), 'thresholds for EX, expected EX, HE, SE, MA'),
    ],
)
def test_unknown_options(tmp_path, dataset, options, message):
    with pytest.raises(InputError, match=message):
        make_dataset(tmp_path, **options)


def test_working_thresholds_are_scored(tmp_path, dataset, capsys):
    thresholds = dict(EX=0.3, HE=0.5, SE=0.5, MA=0.5)
    scored = make_dataset(tmp_path, thresholds=thresholds, lesion_level=True)
    scores = scored.pre_eval(perfect(scored), [0, 1])
    assert np.float32(0.3) in scores[0].matches[0].thresholds
    summary = scored.summarise(scores)
    assert summary['figures']['Dice@t']['MA']['value'] == 1
    assert summary['froc']['MA']['lesions'] == 2
    assert 'Dice@t' in scored.table(summary, 2, ['mAUPR'])


def test_probabilities_are_kept_small(tmp_path, dataset):
    kept = make_dataset(tmp_path, save_probabilities=str(tmp_path / 'planes'))
    probabilities = np.zeros((5, 24, 32), np.float32)
    probabilities[4] = np.linspace(0, 1, 32)
    (scores,) = kept.pre_eval([probabilities], [1])
    assert scores.files == {k: f'b_{k}.png' for k in ('EX', 'HE', 'SE', 'MA')}
    plane = np.asarray(Image.open(tmp_path / 'planes' / 'b_MA.png'))
    np.testing.assert_allclose(plane, 255 * probabilities[4], atol=1.6)
    assert (plane.min(), plane.max()) == (0, 255)
    assert len(list((tmp_path / 'planes').iterdir())) == 4


def test_large_probabilities_are_reduced(tmp_path):
    probabilities = np.zeros((2, 1500, 3000), np.float32)
    probabilities[1, :, 1500:] = 1
    files = write_probabilities(str(tmp_path), 'a', probabilities)
    plane = np.asarray(Image.open(tmp_path / files['EX']))
    assert plane.shape == (512, 1024)
    assert plane.mean() == pytest.approx(127.5, abs=0.5)


def test_processes_write_the_same_file(tmp_path, run_together):
    write_photographs(tmp_path, 'abc')
    script = Path(__file__).with_name('distributed.py')
    written = []
    for world in (1, 2):
        out = tmp_path / f'{world}.json'
        ranks = run_together(*([script, tmp_path, out, k, world] for k in range(world)))
        assert all(rank.returncode == 0 for rank in ranks), ranks[-1].stderr
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_eval_hook_keeps_the_best(dataset, tmp_path):
    model = Oracle(perfect(dataset))
    loader = build_dataloader(
        dataset, 1, 0, num_gpus=1, dist=False, shuffle=False, persistent_workers=False
    )
    runner = build_runner(
        dict(type='ResumableIterBasedRunner', max_iters=4),
        dict(
            model=MMDataParallel(model, device_ids=[-1]),
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            work_dir=str(tmp_path / 'work'),
            logger=get_logger('test_lesion'),
            meta={},
        ),
    )
    hook = EvalHook(
        loader,
        interval=2,
        by_epoch=False,
        pre_eval=True,
        metric=['mAUPR'],
        save_best='mAUPR',
        rule='greater',
    )
    runner.register_hook(hook)
    runner.run([loader], [('train', 1)])
    assert (tmp_path / 'work' / 'best_mAUPR_iter_4.pth').is_file()
    assert 0.9 < runner.meta['hook_msgs']['best_score'] <= 1


@pytest.mark.parametrize('separate', [True, False])
def test_data_sets_that_mmseg_joins(dataset, separate):
    joined = ConcatDataset([dataset, dataset], separate_eval=separate)
    predictions = perfect(dataset) * 2
    scores = []
    for index, prediction in enumerate(predictions):
        scores += joined.pre_eval(prediction, [index])
    figures = joined.evaluate(scores)
    alone = dataset.evaluate(scores[:2])
    expected = {f'{i}_{k}': v for i in (0, 1) for k, v in alone.items()}
    assert figures == (expected if separate else alone)


def test_without_ground_truth_there_is_nothing_to_score(dataset):
    dataset.ann_dir = None
    with pytest.raises(InputError, match='without ann_dir'):
        dataset.ground_truth_of(0)


def test_labels_are_not_counted_anew_by_the_loading_step(tmp_path, dataset):
    step = dict(type='LoadAnnotations', reduce_zero_label=True)
    with pytest.raises(InputError, match='the background is a class here'):
        make_dataset(tmp_path, pipeline=[step])

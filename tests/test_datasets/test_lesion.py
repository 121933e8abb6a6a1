import numpy as np
import pytest
import torch
from mmcv.parallel import MMDataParallel
from mmcv.runner import build_runner
from mmcv.utils import get_logger
from mmseg.core import EvalHook
from mmseg.datasets import build_dataloader, build_dataset
from PIL import Image

from hacdr.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    rng = np.random.default_rng(0)
    for name in ('a', 'b'):
        photograph = rng.integers(0, 255, (24, 32, 3), np.uint8)
        label = np.zeros((24, 32), np.uint8)
        for value in range(1, 5):
            label[2:8, 7 * value - 5 : 7 * value - 2] = value
        for folder, image, suffix in (
            ('images', photograph, '.jpg'),
            ('labels', label, '.png'),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / folder / (name + suffix))
    return build_dataset(
        dict(
            type='LesionDataset',
            data_root=str(tmp_path),
            img_dir='images',
            ann_dir='labels',
            test_mode=True,
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(
                    type='MultiScaleFlipAug',
                    img_scale=(32, 24),
                    flip=False,
                    transforms=[
                        dict(type='ImageToTensor', keys=['img']),
                        dict(
                            type='Collect',
                            keys=['img'],
                            meta_keys=('filename', 'ori_shape'),
                        ),
                    ],
                ),
            ],
        )
    )


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
    with pytest.raises(InputError, match=r'b\.jpg'):
        dataset.pre_eval([np.zeros((5, 3, 3), np.float32)], [1])


def test_eval_hook_keeps_the_best(dataset, tmp_path):
    model = Oracle(perfect(dataset))
    loader = build_dataloader(
        dataset, 1, 0, num_gpus=1, dist=False, shuffle=False, persistent_workers=False
    )
    runner = build_runner(
        dict(type='IterBasedRunner', max_iters=4),
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

"""Test a stand-in for a network as one of several processes (run as a script)."""

import sys

import numpy as np
import torch
from mmseg.apis import multi_gpu_test, single_gpu_test
from mmseg.datasets import build_dataloader, build_dataset
from PIL import Image

from hacdr.evaluation import write_results


def write_photographs(root, names='abc', size=(24, 32), seed=0):
    """Write photographs with label maps and masks."""
    rng = np.random.default_rng(seed)
    for name in names:
        label = np.zeros(size, np.uint8)
        for value in range(1, 5):
            label[2:8, 7 * value - 5 : 7 * value - 2] = value
        masks = np.where(label > 0, 1 << np.maximum(label, 1) - 1, 0).astype(np.uint8)
        masks[2:4, 2:5] |= 0b10
        photograph = rng.integers(20, 255, (*size, 3), np.uint8)
        photograph[:, 26:] = 0
        for folder, image, suffix in (
            ('images', photograph, '.png'),
            ('labels', label, '.png'),
            ('masks', masks, '.png'),
        ):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(image).save(root / folder / (name + suffix))


def make_dataset(root, **options):
    """Build a dataset of what :func:`write_photographs` wrote."""
    collect = dict(type='Collect', keys=['img'], meta_keys=('filename', 'ori_shape'))
    config = dict(
        type='LesionDataset',
        data_root=str(root),
        img_dir='images',
        ann_dir='labels',
        img_suffix='.png',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(32, 24),
                flip=False,
                transforms=[dict(type='ImageToTensor', keys=['img']), collect],
            ),
        ],
    )
    return build_dataset({**config, **options})


class Guess(torch.nn.Module):
    """Probabilities that depend on the photograph alone."""

    def forward(self, img, img_metas, return_loss, rescale=True):
        values = img[0].float().mean(1, keepdim=True) / 255
        shares = torch.cat([values * k % 1 for k in (1, 3, 5, 7, 11)], 1)
        return list(shares.softmax(1).numpy())


def main(root, out, rank, world):
    torch.set_num_threads(1)
    dataset = make_dataset(root, lesion_level=True)
    distributed = int(world) > 1
    if distributed:
        torch.distributed.init_process_group(
            'gloo', f'file://{out}.meet', rank=int(rank), world_size=int(world)
        )
    loader = build_dataloader(
        dataset, 1, 0, dist=distributed, shuffle=False, persistent_workers=False
    )
    if distributed:
        results = multi_gpu_test(Guess(), loader, f'{out}.parts', pre_eval=True)
    else:
        results = single_gpu_test(Guess(), loader, pre_eval=True)
    if int(rank) == 0:
        write_results(
            out,
            results,
            dataset.photographs,
            dataset.ground_truths,
            dataset.summarise(results),
            dataset.protocol,
            split='test',
            dataset='LesionDataset',
            data_root=root,
            config='a.py',
            checkpoint_sha256='00',
            probabilities=None,
        )


if __name__ == '__main__':
    main(*sys.argv[1:])

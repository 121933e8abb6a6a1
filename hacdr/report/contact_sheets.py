"""Contact sheets of a data set, as converted and as a config's pipeline makes it."""

import random
from pathlib import Path
from typing import NamedTuple, Sequence

import mmcv
import numpy as np
from mmseg.datasets import build_dataset

from hacdr.conversion.merging import label_components
from hacdr.conversion.splits import split_members
from hacdr.errors import InputError
from hacdr.images import read_map, read_photograph
from hacdr.inference.overlay import (
    LEGEND_GREY,
    draw_legend,
    draw_outlines,
    pad,
    put_text,
)
from hacdr.lesions import CLASSES, FULL_NAMES, IGNORED, choose_palette
from hacdr.preprocess.maps import reduce_labels
from hacdr.preprocess.resize import resize_photograph

IGNORED_GREY = 96
GAP = 6


class Sample(NamedTuple):
    """What is drawn in one panel.

    Attributes:
        title: what stands over it.
        photograph: BGR, uint8, (H, W, 3).
        label: uint8 (H, W).
        classes: by label value.
    """

    title: str
    photograph: np.ndarray
    label: np.ndarray
    classes: Sequence[str] = CLASSES


def converted_samples(root, split='trainval', number=None):
    """Go through the photographs of a converted data set.

    Args:
        root (str | Path): its folder.
        split (str): one of its lists.
        number (int, optional): stop after so many, spread over the list.

    Yields:
        Sample: at full size.

    Raises:
        InputError: not a converted data set, no such split, a file that is missing
            or damaged.
    """
    for member in split_members(Path(root), split, number):
        photograph = read_photograph(member.photograph)
        labels = read_map(member.labels)
        yield Sample(member.name, photograph, labels, member.classes)


def pipeline_samples(cfg, number, draws=1, seed=0):
    """Go through a config's training samples as the network gets them.

    Args:
        cfg (mmcv.Config): its ``data.train`` is used.
        number (int): how many photographs, spread over the data set.
        draws (int): how many samples of each.
        seed (int): of the random draws.

    Yields:
        Sample: as large as the network's input; the normalisation undone.

    Raises:
        InputError: the pipeline passes on no photograph, label map or 'img_norm_cfg'.
    """
    dataset = build_dataset(cfg.data.train)
    classes = dataset.CLASSES
    np.random.seed(seed)
    random.seed(seed)
    # A RepeatDataset is as long as all its rounds.
    length = len(getattr(dataset, 'dataset', dataset))
    number = min(number, length)
    for index in range(number):
        for draw in range(draws):
            sample = dataset[index * length // number]
            try:
                meta = sample['img_metas'].data
                norm = meta['img_norm_cfg']
                img, label = sample['img'].data, sample['gt_semantic_seg'].data
            except (KeyError, AttributeError) as error:
                raise InputError(
                    'data.train.pipeline: ends without a formatted img, '
                    f'gt_semantic_seg and img_metas with img_norm_cfg ({error})'
                ) from error
            photograph = _denormalize(img.numpy().transpose(1, 2, 0), norm)
            name = Path(meta.get('ori_filename', f'{index}')).stem
            title = f'{name} ({draw + 1})' if draws > 1 else name
            labels = label[0].numpy().astype(np.uint8)
            yield Sample(title, photograph, labels, classes)


def contact_sheet(samples, columns=3, width=640):
    """Draw samples side by side: outlines, number of lesions, legend.

    Args:
        samples (Sequence[Sample]): at least one, all of the same classes.
        columns (int): panels in a row.
        width (int): of a panel, in pixels.

    Returns:
        np.ndarray: BGR, uint8, (H, W, 3). Ignored pixels are grey.
    """
    panels = [_panel(sample, width) for sample in samples]
    height = max(panel.shape[0] for panel in panels)
    rows = []
    for start in range(0, len(panels), columns):
        row = panels[start : start + columns]
        row = [pad(panel, height, width) for panel in row]
        row += [pad(row[0][:0], height, width)] * (columns - len(row))
        rows.append(np.hstack([pad(panel, height + GAP, width + GAP) for panel in row]))
    sheet = np.vstack(rows)
    classes = samples[0].classes
    lesions = (f'{name} {FULL_NAMES.get(name, "")}'.strip() for name in classes[1:])
    names = ['', *lesions, 'grey: ignored']
    palette = [*choose_palette(classes), (IGNORED_GREY,) * 3]
    return np.vstack([sheet, draw_legend(sheet.shape[1], names, palette, width / 900)])


def _denormalize(img, norm):
    """Back to BGR, uint8; what bright colours of augmentation exceed is cut off."""
    mean, std = (np.asarray(norm[key], np.float64) for key in ('mean', 'std'))
    photograph = mmcv.imdenormalize(img.astype(np.float32), mean, std, norm['to_rgb'])
    return np.clip(np.rint(photograph), 0, 255).astype(np.uint8)


def _panel(sample, width):
    """Photograph with outlines over a strip of title and counts."""
    classes, palette = sample.classes, choose_palette(sample.classes)
    counts = [
        label_components(sample.label == value)[1] for value in range(1, len(classes))
    ]
    height = max(1, round(sample.label.shape[0] * width / sample.label.shape[1]))
    photograph = resize_photograph(sample.photograph, (width, height))
    # Outlines come last: drawn before, they would fade when reduced.
    label = reduce_labels(sample.label, (width, height), len(classes) - 1)
    photograph[label == IGNORED] = IGNORED_GREY
    drawn = draw_outlines(photograph, label, classes, palette)
    scale = width / 900
    title = np.full((int(44 * scale), width, 3), LEGEND_GREY, np.uint8)
    put_text(title, sample.title, (int(12 * scale), int(30 * scale)), scale)
    return np.vstack(
        [title, drawn, draw_legend(width, classes, palette, scale, counts)]
    )

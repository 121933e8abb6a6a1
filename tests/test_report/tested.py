"""A test of twelve small photographs, one with a name that HTML must escape."""

import json

import cv2
import numpy as np

from hacdr.evaluation import (
    Protocol,
    ground_truth_bits,
    score_image,
    summarise,
    write_probabilities,
    write_results,
)
from hacdr.evaluation.matching import FROC_THRESHOLDS
from hacdr.lesions import LESIONS
from hacdr.preprocess.maps import select_bits

SIZE = 120, 160
NAMES = [f'eye_{number}' for number in range(11)] + ['<img src=x>&"\'']


class Tested:
    """Paths of the results and of what they were computed from."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / 'data'
        self.results = folder / 'work' / 'results.json'
        self.planes = folder / 'work' / 'probabilities'

    def image(self, name):
        return self.root / 'images' / 'test' / f'{name}.jpg'

    def label(self, name):
        return self.root / 'labels' / 'test' / f'{name}.png'

    def change(self, edit):
        content = json.loads(self.results.read_text())
        edit(content)
        self.results.write_text(json.dumps(content))


def write_test(folder, lesion_level=True, lesions=LESIONS, label_values=None):
    """Write photographs, labels, probabilities and results below a folder.

    ``lesions`` are what was tested, ``label_values`` where label maps have it.
    """
    tested = Tested(folder)
    for below in ('images', 'labels'):
        (tested.root / below / 'test').mkdir(parents=True)
    rng = np.random.default_rng(0)
    scores = []
    for number, name in enumerate(NAMES):
        label = np.zeros(SIZE, np.uint8)
        # MA is in no photograph, SE in some.
        for value, side in ((1, 20), (2, 30)):
            top, left = rng.integers(0, 80, 2)
            label[top : top + side, left : left + side] = value
        if number % 4 == 0:
            label[112:118, 5:11] = 3
        sureness = 0.9 - 0.05 * number
        probabilities = rng.uniform(0, 0.1, (5, *SIZE)).astype(np.float32)
        for value in range(5):
            probabilities[value][label == value] += sureness
        probabilities[1, 100:110, 100:110] = 0.7
        probabilities[3, 112:118, 20 : 20 + number] = 5
        probabilities /= probabilities.sum(0)
        photograph = rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8)
        tested.image(name).write_bytes(cv2.imencode('.jpg', photograph)[1].tobytes())
        tested.label(name).write_bytes(cv2.imencode('.png', label)[1].tobytes())
        ground_truth = ground_truth_bits(label)
        if label_values is not None:
            ground_truth = select_bits(ground_truth, label_values)
            kept = [value for value, new in label_values.items() if new]
            probabilities = probabilities[[0, *kept]]
        thresholds = [FROC_THRESHOLDS] * len(lesions) if lesion_level else None
        one = score_image(
            probabilities,
            ground_truth,
            name,
            match_at=thresholds,
            lesions=len(lesions),
        )
        one.files = write_probabilities(
            str(tested.planes), f'{number}', probabilities, lesions
        )
        scores.append(one)
    write_results(
        str(tested.results),
        scores,
        [f'images/test/{name}.jpg' for name in NAMES],
        [f'labels/test/{name}.png' for name in NAMES],
        summarise(scores, lesions=lesions),
        Protocol.of('labels', 'image', lesion_level),
        lesions=lesions,
        label_values=label_values,
        split='test',
        dataset='IDRiDDataset',
        data_root=str(tested.root),
        config='configs/<script>alert(1)</script>.py',
        checkpoint_sha256='0123456789abcdef',
        probabilities='probabilities',
    )
    return tested

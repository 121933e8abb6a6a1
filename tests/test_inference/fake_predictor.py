"""Stands in for the network."""

from collections import namedtuple

import numpy as np
from PIL import Image

from hacdr.images import open_photograph
from hacdr.inference.prediction import Prediction
from hacdr.lesions import CLASSES, PALETTE

Sample = namedtuple('Sample', 'photograph')


class FakePredictor:
    """Finds a soft exudate in a square, of whatever photograph.

    Args:
        probable (bool): give probabilities.
        made_by: what it says of itself, beyond a default.
    """

    classes, palette, device = CLASSES, PALETTE, 'cpu'

    def __init__(self, probable=True, **made_by):
        self.made_by = dict(hacdr='0', weights='0', config='0', thresholds=None)
        self.made_by.update(made_by)
        self.thresholds = self.made_by['thresholds']
        self.calls = 0
        self._probable = probable

    def read(self, path):
        return Sample(open_photograph(path).pixels)

    def compute(self, sample):
        self.calls += 1

    def finish(self, sample, computed):
        label = np.zeros(sample.photograph.shape[:2], np.uint8)
        label[10:20, 10:20] = 3
        probabilities = np.zeros((4, *label.shape), np.float16)
        probabilities[2] = np.where(label == 3, 0.75, 0.25)
        return Prediction(
            sample.photograph,
            label,
            probabilities if self._probable else None,
            self.classes,
            PALETTE,
            notes=['assumed: nothing'],
        )


def save_photograph(path, grey=90):
    """Write a photograph of one grey, 50x40 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 50, 3), grey, np.uint8)).save(path)


def read_tree(folder):
    """Return all files of a folder: path in it -> content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }

"""Stands in for the network."""

from collections import namedtuple

import numpy as np

from hacdr.images import open_photograph
from hacdr.lesions import CLASSES, PALETTE

Prediction = namedtuple(
    'Prediction', 'photograph label probabilities classes palette notes'
)
Sample = namedtuple('Sample', 'photograph')


class FakePredictor:
    """Finds a soft exudate in a square, of whatever photograph.

    Args:
        probable (bool): give probabilities.
        identity: what it says of itself, beyond a default.
    """

    classes, palette, device = CLASSES, PALETTE, 'cpu'

    def __init__(self, probable=True, **identity):
        self.identity = dict(weights='0', config='0', thresholds=None, flips=False)
        self.identity.update(identity)
        self.thresholds = self.identity['thresholds']
        self.calls = 0
        self._probable = probable

    def read(self, path):
        return Sample(open_photograph(path).pixels)

    def segment(self, sample):
        self.calls += 1
        label = np.zeros(sample.photograph.shape[:2], np.uint8)
        label[10:20, 10:20] = 3
        probabilities = np.zeros((4, *label.shape), np.float16)
        probabilities[2] = np.where(label == 3, 0.75, 0.25)
        return Prediction(
            sample.photograph,
            label,
            probabilities if self._probable else None,
            CLASSES,
            PALETTE,
            ['assumed: nothing'],
        )

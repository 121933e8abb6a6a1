import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.inference.prediction import label_map


def test_label_map():
    classes = ('background', 'EX', 'HE')
    # Pixels: clearly background, HE, both lesions above their thresholds, at one.
    prediction = np.array(
        [[0.97, 0.3, 0.5, 0.89], [0.02, 0.1, 0.3, 0.01], [0.01, 0.6, 0.2, 0.1]],
        np.float32,
    )[:, None]
    assert label_map(prediction, classes).tolist() == [[0, 2, 0, 0]]
    thresholds = dict(EX=0.2, HE=0.1)
    assert label_map(prediction, classes, thresholds).tolist() == [[0, 2, 2, 2]]
    assert label_map(prediction, classes, dict(EX=0, HE=1)).tolist() == [[1] * 4]
    labels = prediction.argmax(0)
    assert label_map(labels, classes).tolist() == labels.tolist()
    with pytest.raises(InputError, match='thresholds need probabilities'):
        label_map(labels, classes, thresholds)

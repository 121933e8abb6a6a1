"""Small predictions and their ground truth."""

import numpy as np

from hacdr.evaluation import ground_truth_bits, score_image

# What a results file says of a test beside its scores.
ABOUT = dict(
    split='test',
    dataset='IDRiDDataset',
    data_root='data/IDRiD',
    config='a.py',
    checkpoint_sha256='00',
    probabilities=None,
)


def binary(p, positive):
    """Score one row of pixels of which some (1) are exudates, some (255) ignored."""
    p = np.asarray(p, np.float32)[None]
    rest = np.zeros((3, *p.shape), np.float32)
    probabilities = np.concatenate([[1 - p], [p], rest])
    return score_image(
        probabilities, ground_truth_bits(np.asarray(positive, np.uint8)[None])
    )


def photograph(seed, skill=1.0, absent=(), size=(40, 60), **kwargs):
    """Score a random photograph; more skill, better probabilities."""
    rng = np.random.default_rng(seed)
    label = np.zeros(size, np.uint8)
    for value in range(1, 5):
        if value in absent:
            continue
        for y, x in rng.integers(0, (size[0] - 5, size[1] - 5), (4, 2)):
            label[y : y + 5, x : x + 5] = value
    logits = rng.normal(size=(5, *size)) + skill * np.eye(5)[label].transpose(2, 0, 1)
    e = np.exp(logits - logits.max(0))
    probabilities = (e / e.sum(0)).astype(np.float32)
    return score_image(probabilities, ground_truth_bits(label), **kwargs)

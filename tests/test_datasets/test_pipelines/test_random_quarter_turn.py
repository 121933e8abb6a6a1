import numpy as np
import pytest
from mmseg.datasets import PIPELINES


@pytest.fixture
def turn():
    np.random.seed(0)
    return PIPELINES.build(dict(type='RandomQuarterTurn'))


def sample():
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (6, 9, 3), np.uint8)
    return dict(img=img, gt_semantic_seg=img[..., 0], seg_fields=['gt_semantic_seg'])


def test_all_four_turns_are_made(turn):
    start = sample()
    expected = [np.rot90(start['img'], k).tobytes() for k in range(4)]
    seen = [expected.index(turn(sample())['img'].tobytes()) for _ in range(400)]
    # Four standard deviations of a fair draw are 35.
    assert abs(np.bincount(seen) - 100).max() < 35


def test_labels_turn_with_the_photograph(turn):
    for _ in range(20):
        out = turn(sample())
        np.testing.assert_array_equal(out['gt_semantic_seg'], out['img'][..., 0])
        assert out['img_shape'] == out['pad_shape'] == out['img'].shape


def test_float_photographs_and_no_labels(turn):
    img = sample()['img'].astype(np.float32)
    shapes = {turn(dict(img=img))['img'].shape for _ in range(20)}
    assert shapes == {(6, 9, 3), (9, 6, 3)}

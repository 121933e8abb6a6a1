import numpy as np
import pytest
from mmseg.datasets import PIPELINES

from hacdr.datasets.pipelines import LesionCrop
from hacdr.preprocess.crop import draw_lesion_pixel


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


@pytest.fixture
def labels():
    """One pixel of MA, a large HE, a corner of EX, some ignored; no SE."""
    labels = np.zeros((90, 120), np.uint8)
    labels[10:40, 10:60] = 2
    labels[70, 100] = 4
    labels[88:, 118:] = 1
    labels[:5] = 255
    return labels


def sample(labels):
    # The photograph holds its own coordinates.
    rows, columns = np.indices(labels.shape)
    return dict(
        img=np.stack([rows, columns, labels], -1).astype(np.uint8),
        gt_semantic_seg=labels,
        seg_fields=['gt_semantic_seg'],
    )


def test_registered():
    crop = PIPELINES.build(dict(type='LesionCrop', crop_size=(32, 48)))
    assert 'lesion_prob=0.85' in repr(crop)


def test_photograph_and_labels_stay_together(labels):
    for _ in range(50):
        out = LesionCrop((32, 48))(sample(labels))
        assert out['img'].shape == out['img_shape'] == out['pad_shape'] == (32, 48, 3)
        np.testing.assert_array_equal(out['img'][..., 2], out['gt_semantic_seg'])


def test_every_field_is_cropped(labels):
    results = sample(labels)
    results['seg_fields'].append('gt_masks')
    results['gt_masks'] = labels
    out = LesionCrop(16)(results)
    np.testing.assert_array_equal(out['gt_masks'], out['gt_semantic_seg'])


def test_lesions_are_drawn_evenly_however_small(labels):
    drawn = [labels[draw_lesion_pixel(labels, (1, 2, 3, 4))] for _ in range(3000)]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [1, 2, 4]
    # Four standard deviations of a fair draw are 103.
    assert abs(counts - 1000).max() < 103


def test_pixels_of_a_lesion_are_drawn_evenly(labels):
    pixels = np.array([draw_lesion_pixel(labels, (2,)) for _ in range(2000)])
    assert (labels[tuple(pixels.T)] == 2).all()
    np.testing.assert_allclose(pixels.mean(0), (24.5, 34.5), atol=1.5)
    assert pixels.min(0).tolist() == [10, 10]
    assert pixels.max(0).tolist() == [39, 59]


def test_the_pixel_lies_anywhere_in_the_crop(labels):
    crop = LesionCrop((20, 20), lesion_prob=1, classes=(4,))
    places = []
    for _ in range(600):
        out = crop(sample(labels))
        ((row, column),) = np.argwhere(out['gt_semantic_seg'] == 4)
        places.append((row, column))
    # All 20 rows occur: at the bottom the crop stops one row after the pixel's.
    assert len({row for row, _ in places}) == 20
    assert len({column for _, column in places}) == 20


def test_context_is_left_around_the_crop(labels):
    crop = LesionCrop((20, 30), lesion_prob=1, classes=(4,), context=6)
    for _ in range(50):
        out = crop(sample(labels))
        rows, columns = out['crop_window']
        inside = out['gt_semantic_seg'][rows, columns]
        assert inside.shape == (20, 30)
        assert 4 in inside
        top, left = out['img'][0, 0, :2]
        bottom, right = out['img'][-1, -1, :2]
        # As far as the photograph has it.
        assert top == max(0, top + rows.start - 6)
        assert left == max(0, left + columns.start - 6)
        assert bottom == min(89, top + rows.stop + 5)
        assert right == min(119, left + columns.stop + 5)


def test_context_changes_no_crop(labels):
    crops = []
    for context in (0, 6):
        np.random.seed(3)
        out = [LesionCrop(20, context=context)(sample(labels)) for _ in range(20)]
        crops.append([one['img'][one['crop_window']].tobytes() for one in out])
    assert crops[0] == crops[1]


def test_every_pixel_of_the_photograph_can_be_in_a_crop():
    labels = np.zeros((12, 15), np.uint8)
    crop = LesionCrop((4, 5), context=3)
    seen = set()
    for _ in range(300):
        out = crop(sample(labels))
        inside = out['img'][out['crop_window']]
        seen.update(map(tuple, inside[..., :2].reshape(-1, 2).tolist()))
    assert len(seen) == labels.size


def test_probability(labels):
    crop = LesionCrop((8, 8), lesion_prob=0.6, classes=(4,))
    hits = [4 in crop(sample(labels))['gt_semantic_seg'] for _ in range(2000)]
    # A uniform crop has the one pixel in 0.7 % of the draws.
    assert np.mean(hits) == pytest.approx(0.6 + 0.4 * 0.007, abs=0.045)


def test_without_lesions_the_crop_is_uniform():
    labels = np.zeros((10, 30), np.uint8)
    out = [LesionCrop((10, 10))(sample(labels))['img'][0, 0, 1] for _ in range(2000)]
    values, counts = np.unique(out, return_counts=True)
    assert values.tolist() == list(range(21))
    assert counts.min() > 50


def test_classes(labels):
    assert draw_lesion_pixel(labels, (3,)) is None
    assert draw_lesion_pixel(labels, (4, 3)) == (70, 100)


def test_smaller_than_the_crop(labels):
    out = LesionCrop((100, 40), lesion_prob=1)(sample(labels))
    assert out['gt_semantic_seg'].shape == (90, 40)
    assert out['img_shape'] == (90, 40, 3)
    out = LesionCrop((100, 40), context=8)(sample(labels))
    assert out['gt_semantic_seg'][out['crop_window']].shape == (90, 40)


def test_flipped_label_maps(labels):
    flipped = labels[:, ::-1]
    assert draw_lesion_pixel(flipped, (4,)) == (70, 19)


def test_numpys_seed_decides(labels):
    crop = LesionCrop((16, 16))
    runs = []
    for _ in range(2):
        np.random.seed(7)
        runs.append([crop(sample(labels))['img'][0, 0, :2].tolist() for _ in range(20)])
    assert runs[0] == runs[1]
    assert len({tuple(place) for place in runs[0]}) > 10


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(crop_size=0), 'crop_size must be a positive'),
        (dict(crop_size=(4, 4, 3)), 'crop_size must be a positive'),
        (dict(crop_size=4, lesion_prob=1.5), 'from 0 to 1, got 1.5'),
        (dict(crop_size=4, context=-1), 'context must not be negative, got -1'),
        (dict(crop_size=4, classes=()), 'label values 0 to 255'),
        (dict(crop_size=4, classes=(1, 256)), 'label values 0 to 255'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        LesionCrop(**options)


def test_chance_of_each_class(labels):
    # Of 1, 2 and 4, which are there, with chances 1, 2 and 5; 3 is not there.
    drawn = [
        labels[draw_lesion_pixel(labels, (1, 2, 3, 4), (0.1, 0.2, 7, 0.5))]
        for _ in range(3000)
    ]
    counts = np.bincount(drawn, minlength=5)[[1, 2, 4]]
    # Four standard deviations of a fair draw.
    np.testing.assert_allclose(counts, [375, 750, 1875], atol=4 * 27)


@pytest.mark.parametrize('class_prob', [(1, 2), (1, 1, 0, 1)])
def test_wrong_chances(class_prob):
    with pytest.raises(ValueError, match='class_prob must be above 0 for each of 4'):
        LesionCrop(9, class_prob=class_prob)


def test_lesions_of_other_data_sets_are_found_by_default():
    labels = np.zeros((90, 120), np.uint8)
    labels[70, 100] = 6
    results = dict(sample(labels), label_map={value: value for value in range(7)})
    crop = LesionCrop(16, lesion_prob=1)
    assert all((crop(dict(results))['gt_semantic_seg'] == 6).any() for _ in range(20))

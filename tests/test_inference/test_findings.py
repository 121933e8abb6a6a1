import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from hacdr.evaluation.ground_truth import ground_truth_bits
from hacdr.evaluation.matching import match_lesions
from hacdr.inference.findings import find_lesions, summarise_lesions
from hacdr.lesions import CLASSES

EIGHT = np.ones((3, 3))


def fill(contour, shape):
    """Paint a polygon of pixel corners: pixels whose centre it goes around."""
    x, y = (np.arange(n) + 0.5 for n in shape[::-1])
    inside = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(contour, contour[1:] + contour[:1]):
        if y0 != y1:
            rows = (y > min(y0, y1)) & (y < max(y0, y1))
            assert x0 == x1
            inside ^= rows[:, None] & (x > x0)
    return inside


@settings(deadline=None, max_examples=60)
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([0, 0, 1, 3, 255]),
    )
)
def test_components_and_outlines_of_any_map(label):
    findings = find_lesions(label, None, CLASSES)
    for value, name in enumerate(CLASSES[1:], 1):
        components, number = ndimage.label(label == value, EIGHT)
        own = [finding for finding in findings if finding.lesion == name]
        assert len(own) == number
        seen = set()
        for finding in own:
            x, y = next(
                (x, y)
                for y, x in np.argwhere(fill(finding.contour, label.shape))
                if y == finding.box[1] and components[y, x]
            )
            component = components == components[y, x]
            seen.add(components[y, x])
            assert finding.area == component.sum()
            rows, columns = np.nonzero(component)
            box = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
            assert finding.box == box
            np.testing.assert_array_equal(
                fill(finding.contour, label.shape), ndimage.binary_fill_holes(component)
            )
            assert corners_turn(finding.contour)
        assert len(seen) == number


def corners_turn(contour):
    """Tell whether no corner could be left out."""
    points = np.array(contour)
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(before, -1, axis=0)
    return bool((before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]).all())


@pytest.fixture
def label():
    label = np.zeros((20, 30), np.uint8)
    label[2:5, 2:6] = 4
    label[5, 6] = 4  # touches by a corner
    label[10:12, 20:30] = 4
    label[19, 29] = 1
    return label


def test_what_is_known_of_a_lesion(label):
    probabilities = np.full((4, 20, 30), 0.25, np.float16)
    probabilities[3, 2:5, 2:6] = 0.5
    probabilities[3, 3, 3] = 0.75
    findings = find_lesions(label, probabilities, CLASSES)
    assert [finding.lesion for finding in findings] == ['EX', 'MA', 'MA']
    finding = findings[1]
    assert finding.area == 13
    assert finding.box == (2, 2, 5, 4)
    assert finding.largest_probability == 0.75
    assert finding.mean_probability == pytest.approx(
        (11 * 0.5 + 0.75 + 0.25) / 13, abs=1e-4
    )
    assert findings[0].contour == [[29, 19], [29, 20], [30, 20], [30, 19]]


def test_numbers_of_a_photograph(label):
    probabilities = np.full((4, 20, 30), 0.25, np.float16)
    findings = find_lesions(label, probabilities, CLASSES)
    summary = summarise_lesions(findings, CLASSES, fov_area=330)
    assert list(summary) == ['EX', 'HE', 'SE', 'MA']
    assert summary['MA'] == {
        'number': 2,
        'area': 33,
        'share': 0.1,
        'largest': 20,
        'mean_probability': 0.25,
    }
    nothing = dict(number=0, area=0, share=0, largest=0, mean_probability=None)
    assert summary['HE'] == nothing
    without = summarise_lesions(findings, CLASSES, fov_area=0)['MA']
    assert without['share'] is None
    labels_alone = summarise_lesions(find_lesions(label, None, CLASSES), CLASSES)
    assert labels_alone['MA']['mean_probability'] is None


def test_counts_as_the_evaluation_counts():
    rng = np.random.default_rng(0)
    label = (rng.random((60, 80)) < 0.2).astype(np.uint8)
    nothing = ground_truth_bits(np.zeros_like(label))
    matches = match_lesions(label.astype(np.float32), nothing, 0, [0.5])
    (number,) = matches.predicted
    assert len(find_lesions(label, None, CLASSES)) == number > 100

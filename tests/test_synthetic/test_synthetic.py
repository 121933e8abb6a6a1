import os

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from hacdr.conversion import idrid
from hacdr.errors import InputError
from hacdr.synthetic import generate_dataset, generate_photograph
from hacdr.synthetic.anatomy import draw_eye
from hacdr.synthetic.lesions import Spot, draw_lesions
from hacdr.synthetic.painting import paint
from hacdr.synthetic.vessels import draw_vessels
from hacdr.synthetic.writing import encode_mask

SMALL = (320, 214)
IDRID_WIDTH = 4288
# IDRiD's 54 training photographs: area quantiles 5/50/95 % in pixels of
# 4288x2848, components in a picture reduced to 480x319, share of pixels.
IDRID = {
    'EX': ((47, 218, 2260), 103, 0.00807),
    'HE': ((304, 1485, 13669), 24.6, 0.00986),
    'SE': ((2329, 8490, 32513), 2.06, 0.00189),
    'MA': ((80, 235, 682), 41.7, 0.00107),
}


@pytest.fixture(scope='module')
def photographs():
    return [generate_photograph(index, size=(480, 320)) for index in range(20)]


@pytest.fixture(scope='module')
def scenes():
    scenes = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        eye = draw_eye(rng, 2 / 3)
        vessels = draw_vessels(rng, eye)
        scenes.append((eye, draw_lesions(rng, eye, vessels, soft_exudates=True)))
    return scenes


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp('generated') / 'IDRiD'
    generate_dataset(str(folder), train=4, test=2, size=SMALL, seed=5, jobs=1)
    return folder


def files_of(folder):
    return {
        os.path.relpath(os.path.join(where, name), folder): open(
            os.path.join(where, name), 'rb'
        ).read()
        for where, _, names in os.walk(folder)
        for name in names
    }


def areas_of(scenes, code):
    return [
        np.pi * (spot.radius * IDRID_WIDTH) ** 2
        for _, spots in scenes
        for spot in spots
        if spot.kind == code
    ]


@pytest.mark.parametrize('code', list(IDRID))
def test_areas_are_those_of_idrid(scenes, code):
    found = np.percentile(areas_of(scenes, code), (5, 50, 95))
    ratios = found / IDRID[code][0]
    assert 1 / 1.3 < ratios[1] < 1.3
    assert (ratios > 0.5).all()
    assert (ratios < 2).all()


@pytest.mark.parametrize('code', list(IDRID))
def test_counts_are_those_of_idrid(photographs, code):
    # Counted on the masks, for neighbours run together into one component.
    counts = [
        ndimage.label(masks[code], np.ones((3, 3)))[1] for _, masks in photographs
    ]
    assert 1 / 1.5 < np.mean(counts) / IDRID[code][1] < 1.5


@pytest.mark.parametrize('code', list(IDRID))
def test_lesions_are_as_rare_as_in_idrid(photographs, code):
    share = np.mean([masks[code].mean() for _, masks in photographs])
    assert 1 / 1.5 < share / IDRID[code][2] < 1.5


def test_half_of_the_photographs_have_soft_exudates(photographs):
    has = [masks['SE'].any() for _, masks in photographs]
    assert sum(has) == 10
    # Not simply every second one: which of two neighbours has any is drawn.
    assert len(set(has[::2])) == 2


def test_every_photograph_has_exudates_and_microaneurysms(photographs):
    for _, masks in photographs:
        assert masks['EX'].any()
        assert masks['MA'].any()


@pytest.mark.parametrize(
    ('code', 'low', 'high'),
    [('EX', 5, 40), ('SE', 8, 45), ('HE', -20, -4), ('MA', -15, -3)],
)
def test_lesions_differ_from_their_surroundings_but_not_much(
    photographs, code, low, high
):
    # Contrast in green, as measured on IDRiD reduced to 720 pixels (mean over
    # the lesions): EX +10, SE +17, HE -8, MA -8.
    contrasts = []
    for image, masks in photographs:
        lesions = np.any(list(masks.values()), axis=0)
        field = cv2.erode((image.max(2) > 10).astype(np.uint8), np.ones((9, 9))) > 0
        labels, _ = ndimage.label(masks[code], np.ones((3, 3)))
        for index, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
            near = (
                slice(max(0, rows.start - 6), rows.stop + 6),
                slice(max(0, columns.start - 6), columns.stop + 6),
            )
            lesion = labels[near] == index
            distance = ndimage.distance_transform_edt(~lesion)
            ring = (distance > 1.5) & (distance < 5) & ~lesions[near] & field[near]
            if ring.sum() > 8:
                green = image[near][..., 1].astype(float)
                contrasts.append(green[lesion].mean() - green[ring].mean())
    assert low < np.mean(contrasts) < high


def test_photograph_looks_like_idrid(photographs):
    colours, fields = [], []
    for image, masks in photographs:
        assert image.dtype == np.uint8
        assert image.shape == (320, 480, 3)
        field = image.max(2) > 10
        fields.append(field.mean())
        colours.append(image[field].mean(0))
        # The field is cut at the top and the bottom, never at the sides.
        assert field[0].any()
        assert field[-1].any()
        assert not field[:, 0].any()
        assert not field[:, -1].any()
        assert not np.any(list(masks.values()), axis=0)[image.max(2) < 4].any()
    assert np.mean(fields) == pytest.approx(0.698, abs=0.02)
    assert np.abs(np.mean(colours, 0) - (166.9, 80.8, 23.2)).max() < 10


def test_disc_is_the_brightest_and_the_fovea_dark():
    darker = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        eye = draw_eye(rng, 2 / 3)
        image, masks = paint(rng, eye, draw_vessels(rng, eye), [], (480, 320))
        assert not any(mask.any() for mask in masks.values())
        green = cv2.GaussianBlur(image[..., 1].astype(np.float32), (0, 0), 4)
        disc, fovea = (
            green[int(y * 480), int(x * 480)] for x, y in (eye.disc[:2], eye.fovea)
        )
        field = green[image.max(2) > 30]
        assert disc > np.percentile(field, 97)
        darker += fovea < np.percentile(field, 35)
    assert darker >= 5


def test_vessels_leave_the_disc_taper_and_spare_the_fovea():
    rng = np.random.default_rng(1)
    eye = draw_eye(rng, 2 / 3)
    vessels = draw_vessels(rng, eye)
    assert {vessel.artery for vessel in vessels} == {True, False}
    assert sum(eye.from_disc(v.points[0]) < eye.disc[2] for v in vessels) >= 8
    for vessel in vessels:
        assert (np.diff(vessel.widths) < 0).all()
        assert eye.from_fovea(vessel.points).min() > 0.025


def test_vessels_and_haemorrhages_are_of_one_colour():
    rng = np.random.default_rng(2)
    eye = draw_eye(rng, 2 / 3)
    vessels = draw_vessels(rng, eye)
    vein = max((v for v in vessels if not v.artery), key=lambda v: v.widths[0])
    place = vein.points[len(vein.points) // 3]
    blot = spot('HE', place + np.array([0.03, 0.0]), 0.008, strength=0.8)
    plain, *_ = paint(np.random.default_rng(0), eye, [], [], (960, 640))
    both, *_ = paint(np.random.default_rng(0), eye, [vein], [blot], (960, 640))

    def absorption(point):
        x, y = (np.asarray(point) * 960).astype(int)
        part = (slice(y - 2, y + 3), slice(x - 2, x + 3))
        return np.log(
            plain[part][..., :2].mean((0, 1)) / both[part][..., :2].mean((0, 1))
        )

    vessel, lesion = absorption(place), absorption(blot.centre)
    assert vessel[0] / vessel[1] == pytest.approx(lesion[0] / lesion[1], abs=0.2)
    assert (lesion > 0.05).all()


def spot(kind, centre, radius, **changes):
    looks = {
        'stretch': 1.5, 'angle': 0.4, 'waves': np.array([[2, 0.1, 0.0], [3, 0.15, 1]]),
        'strength': 0.5, 'softness': 0.3, 'grain': 0.0, 'extent': 0.9, 'seed': 1,
    }  # fmt: skip
    return Spot(kind, np.asarray(centre), radius, **{**looks, **changes})


@pytest.mark.parametrize('width', [480, 960])
@pytest.mark.parametrize(('kind', 'grain'), [('HE', 0.0), ('EX', 0.9), ('SE', 0.3)])
def test_mask_keeps_the_area_asked_for(width, kind, grain):
    rng = np.random.default_rng(0)
    eye = draw_eye(rng, 2 / 3)
    lesion = spot(kind, eye.field[:2], 0.02, grain=grain)
    _, masks = paint(rng, eye, [], [lesion], (width, width * 2 // 3))
    expected = np.pi * (0.02 * width) ** 2
    assert masks[kind].sum() == pytest.approx(expected, rel=0.1)
    assert not any(mask.any() for code, mask in masks.items() if code != kind)


def test_lookalikes_are_in_no_mask(scenes):
    eye, spots = scenes[0]
    others = [spot for spot in spots if spot.kind in ('drusen', 'pigment')]
    assert others
    rng = np.random.default_rng(0)
    _, masks = paint(rng, eye, [], others, SMALL)
    assert not any(mask.any() for mask in masks.values())


def test_same_arguments_same_picture_other_arguments_another():
    first, masks = generate_photograph(1, size=SMALL, seed=3)
    again, masks_again = generate_photograph(1, size=SMALL, seed=3)
    assert (first == again).all()
    assert all((masks[code] == masks_again[code]).all() for code in masks)
    for index, split, seed in ((2, 'train', 3), (1, 'test', 3), (1, 'train', 4)):
        other, _ = generate_photograph(index, split, SMALL, seed)
        assert (first != other).mean() > 0.2


def test_same_eye_at_another_size():
    small, small_masks = generate_photograph(3, size=(360, 240))
    large, large_masks = generate_photograph(3, size=(1080, 720))
    reduced = cv2.resize(large, (360, 240), interpolation=cv2.INTER_AREA)
    difference = np.abs(reduced.astype(int) - small)
    assert difference.mean() < 3
    assert small_masks['HE'].mean() == pytest.approx(large_masks['HE'].mean(), rel=0.1)


def test_layout_is_that_of_the_download(dataset):
    names = set(files_of(dataset))
    photographs = os.path.join('A. Segmentation', '1. Original Images')
    for split, numbers in (
        ('a. Training Set', (1, 2, 3, 4)),
        ('b. Testing Set', (55, 56)),
    ):
        found = sorted(os.listdir(dataset / photographs / split))
        assert found == [f'IDRiD_{number:02d}.jpg' for number in numbers]
    masks = {name for name in names if name.endswith('.tif')}
    truth = os.path.join('A. Segmentation', '2. All Segmentation Groundtruths')
    assert (
        os.path.join(truth, 'a. Training Set', '1. Microaneurysms', 'IDRiD_01_MA.tif')
        in masks
    )
    assert len([name for name in masks if name.endswith('_SE.tif')]) == 3
    assert len([name for name in masks if name.endswith('_EX.tif')]) == 6
    assert len(names) == len(masks) + 6


def test_files_hold_what_was_generated(dataset):
    image, masks = generate_photograph(0, 'test', SMALL, seed=5)
    folder = dataset / 'A. Segmentation'
    stored = cv2.imread(
        str(folder / '1. Original Images' / 'b. Testing Set' / 'IDRiD_55.jpg')
    )
    assert np.abs(stored[..., ::-1].astype(int) - image).mean() < 3
    mask = Image.open(
        folder
        / '2. All Segmentation Groundtruths'
        / 'b. Testing Set'
        / '3. Hard Exudates'
        / 'IDRiD_55_EX.tif'
    )
    assert (np.array(mask) == masks['EX']).all()


@pytest.mark.parametrize('shape', [(5, 8), (7, 13), (40, 61)])
def test_masks_are_one_bit_palette_tiffs(tmp_path, shape):
    mask = np.random.default_rng(0).random(shape) > 0.5
    path = str(tmp_path / 'mask.tif')
    with open(path, 'wb') as file:
        file.write(encode_mask(mask))
    with Image.open(path) as image:
        assert image.mode == 'P'
        assert image.tag_v2[258] == (1,)
        assert image.getpalette()[:6] == [0, 0, 0, 255, 0, 0]
        assert (np.array(image) == mask).all()
    # OpenCV sees what it sees in IDRiD's own masks: red as grey 76.
    assert (cv2.imread(path, cv2.IMREAD_GRAYSCALE) == 76 * mask).all()


def test_neither_jobs_nor_number_changes_a_photograph(tmp_path, dataset):
    generate_dataset(str(tmp_path / 'two'), 3, 1, SMALL, seed=5, jobs=2)
    one, two = files_of(dataset), files_of(tmp_path / 'two')
    assert len(two) < len(one)
    assert all(one[name] == content for name, content in two.items())


def test_test_photographs_follow_more_than_54_training_ones(tmp_path, monkeypatch):
    monkeypatch.setitem(idrid.OFFICIAL, 'train', range(1, 2))
    generate_dataset(str(tmp_path / 'x'), 2, 1, SMALL, jobs=1)
    names = {os.path.basename(name) for name in files_of(tmp_path / 'x')}
    assert {'IDRiD_01.jpg', 'IDRiD_02.jpg', 'IDRiD_03.jpg'} <= names


def test_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('hacdr.synthetic.writing.generate_photograph', fail)
    with pytest.raises(KeyboardInterrupt):
        generate_dataset(str(tmp_path / 'out'), 1, 0, SMALL, jobs=1)
    assert os.listdir(tmp_path) == []


def test_fills_an_empty_folder_but_refuses_a_full_one(tmp_path):
    generate_dataset(str(tmp_path), 1, 0, SMALL, jobs=1)
    before = files_of(tmp_path)
    with pytest.raises(InputError, match='is not an empty folder'):
        generate_dataset(str(tmp_path), 1, 0, SMALL, seed=9, jobs=1)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'size': (300, 200)}, '300x200, expected at least 320'),
        ({'size': (640, 300)}, 'between 1:1 and 2:1'),
        ({'size': (320, 400)}, 'between 1:1 and 2:1'),
        ({'train': 0, 'test': 0}, 'expected at least one'),
        ({'train': -1}, '-1 training'),
        ({'jobs': 0}, 'jobs is 0'),
        ({'seed': -2}, 'seed is -2'),
    ],
)
def test_refuses_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        generate_dataset(str(tmp_path / 'out'), **{'size': SMALL, **arguments})
    assert '\n' not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_refuses_a_target_below_a_file(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be created'):
        generate_dataset(str(tmp_path / 'file' / 'out'), 1, 0, SMALL)


@pytest.mark.parametrize(
    'arguments', [{'split': 'val'}, {'index': -1}, {'seed': -1}, {'size': (64, 64)}]
)
def test_photograph_refuses_bad_arguments(arguments):
    with pytest.raises(InputError):
        generate_photograph(**{'index': 0, 'size': SMALL, **arguments})

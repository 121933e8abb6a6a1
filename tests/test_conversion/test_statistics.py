import json
import os

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from hacdr.conversion import statistics
from hacdr.conversion.layout import LAYOUT_VERSION
from hacdr.conversion.splits import split_members
from hacdr.conversion.statistics import (
    QUANTILES,
    class_weights,
    config_lines,
    count_dataset,
)
from hacdr.errors import InputError
from hacdr.preprocess.field_of_view import field_of_view


@pytest.fixture
def two(converted, eye):
    """Two photographs: one eye, and the same in black and without lesions."""
    photograph, bits = eye
    converted.add('b', 0 * photograph, 0 * bits)
    converted.add('a', photograph, bits & 0b1011, quality=100)
    (converted.root / 'splits').mkdir()
    (converted.root / 'splits' / 'trainval.txt').write_text('a\nb\n')
    images = [dict(name=name, subset='train') for name in 'ab']
    manifest = dict(
        layout=LAYOUT_VERSION,
        splits=dict(trainval=2),
        photograph_format='JPEG',
        images=images,
    )
    (converted.root / 'manifest.json').write_text(json.dumps(manifest))
    return converted.root


@pytest.fixture
def figures(two):
    return count_dataset(split_members(two, 'trainval'), jobs=2)


def test_counts(figures, eye):
    bits = eye[1] & 0b1011
    labels = np.array([v.bit_length() for v in range(16)])[bits]
    assert figures['photographs'] == 2
    assert figures['pixels'] == 2 * bits.size
    assert figures['background_pixels'] == 2 * bits.size - (labels > 0).sum()
    for bit, (name, lesion) in enumerate(figures['lesions'].items()):
        mask = bits >> bit & 1
        components, number = ndimage.label(mask, np.ones((3, 3)))
        assert name == ('EX', 'HE', 'SE', 'MA')[bit]
        assert lesion['photographs'] == (number > 0)
        assert lesion['mask_pixels'] == mask.sum()
        assert lesion['label_pixels'] == (labels == bit + 1).sum()
        assert lesion['components'] == number
        if number:
            areas = [(components == i + 1).sum() for i in range(number)]
            assert lesion['area_quantiles'] == pytest.approx(
                np.percentile(areas, QUANTILES)
            )
    assert figures['lesions']['SE']['area_quantiles'] is None


def test_ignored_pixels_count_as_nothing(two, eye):
    before = count_dataset(split_members(two, 'trainval')[:1], jobs=1)
    for folder in ('labels', 'masks'):
        path = two / folder / 'train' / 'a.png'
        values = np.array(Image.open(path))
        assert (values[:10] == 0).all()
        values[:10] = 255
        Image.fromarray(values).save(path)
    after = count_dataset(split_members(two, 'trainval')[:1], jobs=1)
    assert after['ignored_pixels'] == 3200
    assert after['background_pixels'] == before['background_pixels'] - 3200
    assert after['lesions'] == before['lesions']


def test_a_photograph_may_be_a_png(two, eye):
    jpeg = two / 'images' / 'train' / 'a.jpg'
    Image.fromarray(eye[0][..., ::-1]).save(jpeg.with_suffix('.png'))
    manifest = json.loads((two / 'manifest.json').read_text())
    manifest['photograph_format'] = 'PNG'
    (two / 'manifest.json').write_text(json.dumps(manifest))
    figures = count_dataset(split_members(two, 'trainval')[:1], jobs=1)
    inside = field_of_view(eye[0]) > 0
    expected = eye[0][inside][:, ::-1].mean(0)
    np.testing.assert_allclose(figures['field_of_view']['mean'], expected)


def test_colours_inside_the_field_of_view(two, figures):
    photograph = cv2.imread(str(two / 'images' / 'train' / 'a.jpg'))
    inside = field_of_view(photograph) > 0
    view = figures['field_of_view']
    assert view['pixels'] == inside.sum() > 10000
    rgb = photograph[inside][:, ::-1].astype(float)
    np.testing.assert_allclose(view['mean'], rgb.mean(0))
    np.testing.assert_allclose(view['std'], rgb.std(0))


def test_weights():
    weights = class_weights([10000, 100, 0, 25])
    assert weights[weights > 0].mean() == pytest.approx(1)
    np.testing.assert_allclose(weights / weights[0], [1, 10, 0, 20])


def test_lines_are_a_config(figures):
    lines = config_lines(figures)
    assert max(map(len, lines)) <= 80
    config = {}
    exec('\n'.join(lines), config)
    assert sum(config['class_pixels']) == figures['pixels']
    assert len(config['class_weight']) == 5
    assert config['class_weight'][3] == 0
    assert config['img_norm_cfg']['mean'] == pytest.approx(
        figures['field_of_view']['mean'], abs=1e-3
    )


@pytest.mark.parametrize('folder', ['images', 'labels', 'masks'])
def test_a_file_is_missing(two, folder):
    (path,) = (two / folder / 'train').glob('b.*')
    path.unlink()
    with pytest.raises(InputError, match=rf'{folder}/train/b\.[a-z]+: no such'):
        count_dataset(split_members(two, 'trainval'), jobs=1)


def test_a_name_that_is_not_in_the_manifest(two):
    (two / 'splits' / 'trainval.txt').write_text('a\nz\n')
    with pytest.raises(InputError, match=r'trainval\.txt: z is not in manifest'):
        split_members(two, 'trainval')


def test_real_idrid_counts_as_published(real):
    members = split_members(real, 'trainval')[16:18]
    names = [member.name for member in members]
    figures = count_dataset(members, jobs=2)
    manifest = json.loads((real / 'manifest.json').read_text())
    images = {image['name']: image for image in manifest['images']}
    for lesion, counted in figures['lesions'].items():
        for key in ('mask_pixels', 'label_pixels', 'components'):
            expected = sum(images[name]['lesions'][lesion][key] for name in names)
            assert counted[key] == expected
    # FACTS: haemorrhage IDRiD_17 covers 15 % of the picture.
    assert figures['lesions']['HE']['mask_pixels'] > 0.14 * 4288 * 2848


def be_killed(member):
    os._exit(1)


def test_a_process_that_is_killed(two, monkeypatch):
    monkeypatch.setattr(statistics, '_count', be_killed)
    with pytest.raises(InputError, match='a process was killed'):
        count_dataset(split_members(two, 'trainval'), jobs=2)

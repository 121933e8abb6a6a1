import json
import re

import pytest

from hacdr.errors import InputError
from hacdr.report.gallery import write_gallery

from ..test_import import NONE, python
from .predicted import HEAD, HOSTILE, IMAGES, UNDECODABLE, predict, record


def page_of(folder, records, **changes):
    return write_gallery(folder, {**HEAD, **changes}, iter(records)).read_text()


def read_data(page, name):
    """Return a block of data of the page."""
    text = re.search(rf'<script type="application/json" id="{name}">(.*?)</sc', page)[1]
    return json.loads(text)


def test_what_the_page_is_told_of_an_image(tmp_path):
    page = page_of(tmp_path, [record('a b/eye#1.jpg', predict(10, 20), ['blurred'])])
    (image,) = read_data(page, 'images')
    assert image == {
        'name': 'a b/eye#1.jpg',
        'output': 'a b/eye#1',
        'url': 'a%20b/eye%231',
        'size': '160x120 pixels',
        'numbers': [1, 2, 0, 0],
        'shares': [0.01, 0.08, 0, 0],
        'warnings': ['blurred'],
        'notes': [],
    }
    assert '<title>1 photograph -' in page


def test_sliders_start_where_the_prediction_had_its_thresholds(tmp_path):
    page = page_of(tmp_path, [record('eye.jpg', predict(10, 20))])
    each = read_data(page, 'lesions')['each']
    assert [one['start'] for one in each] == [128, 77, 128, 64]
    assert 'EX 0.500, HE 0.300' in page
    page = page_of(tmp_path, [record('eye.jpg', predict(10, 20))], thresholds=None)
    each = read_data(page, 'lesions')['each']
    assert [one['start'] for one in each] == [128] * 4
    assert 'most probable class' in page


def test_other_classes_have_their_own_colour(tmp_path):
    one = record('eye.jpg', predict(10, 20))
    one['lesions']['IRMA'] = {'number': 7, 'area': 5}
    page = page_of(
        tmp_path,
        [one],
        classes=['background', 'HE', 'IRMA'],
        colours=[[0, 0, 0], [0, 0, 255], [1, 2, 3]],
        thresholds={'HE': 0, 'IRMA': 1},
    )
    each = read_data(page, 'lesions')['each']
    assert [(one['name'], one['start']) for one in each] == [('HE', 1), ('IRMA', 255)]
    assert each[0]['colour'] != '#0000ff'
    assert each[1]['colour'] == '#010203'
    assert read_data(page, 'images')[0]['numbers'] == [2, 7]


@pytest.mark.parametrize('fov_area', [None, 0])
def test_without_a_field_of_view_shares_are_of_the_image(fov_area, tmp_path):
    one = dict(record('eye.jpg', predict(0, 20)), fov_area=fov_area)
    (image,) = read_data(page_of(tmp_path, [one]), 'images')
    assert image['shares'][1] == 800 / (160 * 120)


def test_no_text_of_a_file_is_markup(tmp_path):
    hostile = '</script><script>alert(1)</script><img src=x onerror=alert(1)>'
    records = [record(name, predict(1, 1), [hostile]) for name in IMAGES]
    page = page_of(
        tmp_path,
        records,
        passed_over=[{'image': hostile, 'reason': hostile + UNDECODABLE}],
        made_by={hostile: hostile},
    )
    # Three scripts: the two blocks of data and the page's own.
    assert page.count('<script') == page.count('</script') == 3
    assert page.count('<img') == 1
    assert read_data(page, 'images')[2]['name'] == f'below/{HOSTILE}'
    assert read_data(page, 'images')[3]['name'] == 'eye_?.jpg'
    assert read_data(page, 'images')[3]['url'] == 'eye_%FF'


def test_no_photograph(tmp_path):
    page = page_of(tmp_path, [])
    assert '<h1>0 photographs</h1>' in page
    assert read_data(page, 'images') == []


def test_a_page_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r'index\.html: no folder'):
        write_gallery(tmp_path / 'missing', HEAD, [])
    (tmp_path / 'index.html').mkdir()
    with pytest.raises(InputError, match=r'index\.html: Is a directory'):
        write_gallery(tmp_path, HEAD, [])


def test_it_is_written_without_torch_and_what_takes_long_to_load():
    names = ('torch', 'mmcv', 'mmseg', 'numba', 'matplotlib', 'scipy')
    code = 'import hacdr.report.gallery, hacdr.inference.viewer_layers\n'
    result = python(NONE.format(names=names) + code)
    assert result.returncode == 0, result.stderr

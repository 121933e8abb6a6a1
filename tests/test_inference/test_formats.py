import json
import os

from hacdr_cli import run_command

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hacdr.images import read_map
from hacdr.inference.findings import find_lesions
from hacdr.inference.folder import predict_folder
from hacdr.inference.formats import split_ring
from hacdr.inference.records import claim_folder
from hacdr.inference.tables import join_tables
from hacdr.lesions import CLASSES

from .fake_predictor import FakePredictor, save_photograph
from .records_of_two import HEAD, TOUCHING, make_record, predict


@pytest.fixture
def output(tmp_path):
    photographs = tmp_path / 'photographs'
    photographs.mkdir()
    (tmp_path / 'out').mkdir()
    claim_folder(tmp_path / 'out', HEAD)
    for name in ('a', 'sub/b'):
        predict(tmp_path / 'out', make_record(name, source=photographs))
    return tmp_path / 'out'


def test_coco_is_read_by_its_tools(output):
    pycocotools = pytest.importorskip('pycocotools.coco')
    join_tables(output, ['coco'])
    coco = pycocotools.COCO(output / 'coco.json')
    assert [image['file_name'] for image in coco.loadImgs([1, 2])] == [
        'a.jpg',
        'sub/b.jpg',
    ]
    assert coco.getCatIds(['EX', 'HE', 'SE', 'MA']) == [1, 2, 3, 4]
    found = coco.loadAnns(coco.getAnnIds(imgIds=[2], catIds=[1]))
    assert [one['area'] for one in found] == [2, 10]
    masks = [coco.annToMask(one) for one in found]
    assert [mask.sum() for mask in masks] == [2, 10]
    assert masks[0][1:3, 1].all()
    assert masks[1][5:8, 10:13].all()


@settings(deadline=None, max_examples=30)
@given(arrays(bool, (7, 7)))
def test_coco_paints_the_outlines_of_any_lesion(mask):
    pycocotools = pytest.importorskip('pycocotools.mask')
    for finding in find_lesions(mask.view(np.uint8), None, CLASSES):
        polygon = [c for corner in finding.contour for c in corner]
        encoded = pycocotools.frPyObjects([polygon], *mask.shape)
        painted = pycocotools.decode(encoded)[..., 0]
        holes = painted.sum() - finding.area
        assert holes >= 0
        x, y, width, height = finding.box
        assert not (painted & ~mask).sum() - holes
        assert painted[y : y + height, x : x + width].sum() == painted.sum()


def test_labelme_has_what_labelme_asks_for(output, tmp_path):
    join_tables(output, ['labelme'])
    path = output / 'labelme' / 'sub' / 'b.json'
    content = json.loads(path.read_text())
    # What its LabelFile.load takes.
    assert {'version', 'flags', 'shapes', 'imagePath', 'imageData'} <= {*content}
    assert (content['imageHeight'], content['imageWidth']) == (30, 40)
    photograph = os.path.normpath(path.parent / content['imagePath'])
    assert photograph == str(tmp_path / 'photographs' / 'sub' / 'b.jpg')
    shape = content['shapes'][1]
    assert (shape['label'], shape['shape_type']) == ('EX', 'polygon')
    assert shape['points'] == TOUCHING
    assert {'group_id', 'flags'} <= {*shape}


def test_labelme_finds_photographs_from_a_folder_that_is_a_link(tmp_path):
    save_photograph(tmp_path / 'eyes' / 'a.png')
    (tmp_path / 'linked_eyes').symlink_to('eyes')
    (tmp_path / 'disk' / 'deep' / 'out').mkdir(parents=True)
    (tmp_path / 'out').symlink_to('disk/deep/out')
    for source in ('eyes', 'linked_eyes'):
        predict_folder(FakePredictor(), tmp_path / source, tmp_path / 'out')
        join_tables(tmp_path / 'out', ['labelme'])
        path = tmp_path / 'out' / 'labelme' / 'a.json'
        # As the system goes from folder to folder, and LabelMe with it.
        found = os.path.join(path.parent, json.loads(path.read_text())['imagePath'])
        assert os.path.samefile(found, tmp_path / 'eyes' / 'a.png')


def test_photographs_of_two_folders(tmp_path):
    output = tmp_path / 'out'
    for name in ('one/a.png', 'other/sub/b.png'):
        save_photograph(tmp_path / 'eyes' / name)
        folder = tmp_path / 'eyes' / name.split('/')[0]
        predict_folder(FakePredictor(), folder, output, recursive=True)
    join_tables(output, ['labelme', 'coco'])
    content = json.loads((output / 'coco.json').read_text())
    names = ['one/a.png', 'other/sub/b.png']
    assert [image['file_name'] for image in content['images']] == names
    for name, file in zip(names, ('a.json', 'sub/b.json')):
        path = output / 'labelme' / file
        found = os.path.join(path.parent, json.loads(path.read_text())['imagePath'])
        assert os.path.samefile(found, tmp_path / 'eyes' / name)
    # A folder that moved is noticed, without predicting again.
    (tmp_path / 'eyes' / 'one').rename(tmp_path / 'eyes' / 'moved')
    assert predict_folder(FakePredictor(), tmp_path / 'eyes' / 'moved', output).kept
    join_tables(output, ['coco'])
    content = json.loads((output / 'coco.json').read_text())
    assert content['images'][0]['file_name'] == 'moved/a.png'


def test_geojson_holds_valid_polygons(output):
    geometry = pytest.importorskip('shapely.geometry')
    join_tables(output, ['geojson'])
    content = json.loads((output / 'geojson' / 'a.geojson').read_text())
    assert content['type'] == 'FeatureCollection'
    shapes = [geometry.shape(feature['geometry']) for feature in content['features']]
    assert [shape.geom_type for shape in shapes] == ['Polygon', 'MultiPolygon']
    assert [shape.area for shape in shapes] == [2, 10]
    assert all(shape.is_valid for shape in shapes)
    assert shapes[0].exterior.is_ccw
    classification = content['features'][0]['properties']['classification']
    assert classification == {'name': 'EX', 'color': [255, 0, 0]}


@settings(deadline=None, max_examples=60)
@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_outlines_of_any_lesion_are_cut_where_they_touch_themselves(mask):
    geometry = pytest.importorskip('shapely.geometry')
    for finding in find_lesions(mask.view(np.uint8), None, CLASSES):
        rings = split_ring(finding.contour)
        assert all(len({*ring}) == len(ring) >= 4 for ring in rings)
        parts = geometry.MultiPolygon([(ring, []) for ring in rings])
        assert parts.is_valid
        assert parts.area >= finding.area


def test_all_at_once_and_none(output):
    join_tables(output)
    assert not (output / 'coco.json').exists()
    join_tables(output, ['coco', 'geojson', 'labelme'])
    for name in ('coco.json', 'geojson/sub/b.geojson', 'labelme/a.json'):
        assert (output / name).is_file()


@pytest.mark.parametrize('kind', ['coco', 'labelme'])
def test_what_was_predicted_can_be_trained_on(tmp_path, kind):
    """Once experts corrected it: hacdr convert reads what was written."""
    photographs, output = tmp_path / 'eyes', tmp_path / 'out'
    photographs.mkdir()
    for name in ('p1', 'p2', 'p3'):
        save_photograph(photographs / f'{name}.png')
    predict_folder(FakePredictor(), photographs, output)
    join_tables(output, [kind])
    written = {'coco': 'coco.json', 'labelme': 'labelme'}[kind]
    (output / written).rename(photographs / written)
    run_command('convert', [kind, str(photographs), '-o', str(tmp_path / 'set')])
    labels = {path.stem: path for path in (tmp_path / 'set' / 'labels').rglob('*.png')}
    assert sorted(labels) == ['p1', 'p2', 'p3']
    for name, path in labels.items():
        np.testing.assert_array_equal(read_map(path), read_map(output / f'{name}.png'))


def test_corrections_stay(tmp_path, capsys):
    photographs, output = tmp_path / 'eyes', tmp_path / 'labelme'
    for name in ('a', 'b'):
        save_photograph(photographs / f'{name}.png')
    predict_folder(FakePredictor(), photographs, output)
    join_tables(output, ['labelme'])
    corrected, kept = (output / 'labelme' / f'{name}.json' for name in 'ab')
    content = json.loads(corrected.read_text())
    content['shapes'].append(dict(content['shapes'][0], label='MA'))
    corrected.write_text(json.dumps(content, indent=2))
    # As LabelMe saves what was looked at alone.
    kept.write_text(json.dumps(json.loads(kept.read_text()), indent=2))
    join_tables(output, ['labelme'])
    assert json.loads(corrected.read_text()) == content
    told = capsys.readouterr().err
    assert f'{corrected}: corrected, kept as it is' in told
    assert str(kept) not in told
    for number in ('', '2'):
        for name in ('a', 'b'):
            save_photograph(photographs / f'{name}.png', grey=50 + len(number))
        predict_folder(FakePredictor(), photographs, output)
        assert not corrected.exists()
        assert not kept.exists()
        aside = corrected.with_name(f'a.json.corrected{number}')
        assert json.loads(aside.read_text()) == content
        assert (
            f'{corrected}: corrected, kept as {aside.name}' in capsys.readouterr().err
        )
        corrected.write_text(json.dumps(content))
    join_tables(output, ['labelme'])
    assert len(json.loads(kept.read_text())['shapes']) == 1
    corrected.write_text('{')
    join_tables(output, ['labelme'])
    assert corrected.read_text() == '{'

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import open_source
from hacdr.conversion.own import Options, read_label_maps
from hacdr.errors import InputError
from hacdr.images import encode_map
from tests.test_images.forms import save_png, save_tiff

from .folder import SHAPE, convert_own, read_maps

VALUES = np.zeros(SHAPE, np.uint8)
VALUES[:5, :5], VALUES[10:15, :5], VALUES[20:25, :5], VALUES[30:, :5] = 1, 2, 3, 4
# As TJDR has them.
TJDR = 'EX=1', 'HE=2', 'MA=3', 'SE=4'
COLOURS = np.array(
    [[0, 0, 0], [255, 0, 0], [0, 0, 255], [255, 255, 0], [0, 255, 0]], np.uint8
)


@pytest.fixture
def maps(folder):
    for index, name in enumerate('abc'):
        folder.photograph(f'images/{name}.jpg', index)
        folder.image(f'labels/{name}.png', VALUES * (name != 'c'))
    return folder


def grey(path):
    Image.fromarray(VALUES).save(path)


def palette(path):
    path.write_bytes(encode_map(VALUES, COLOURS))


def few_bits(path):
    image = Image.fromarray(VALUES)
    image.putpalette(COLOURS.ravel().tolist())
    image.save(path, bits=4)


def tiff(path):
    Image.fromarray(VALUES).save(path.with_suffix('.tif'), compression='tiff_lzw')
    path.unlink()


@pytest.mark.parametrize('write', [grey, palette, few_bits, tiff])
def test_values_are_mapped(maps, tmp_path, write):
    write(maps.root / 'labels' / 'a.png')
    plan, manifest = convert_own(
        read_label_maps, maps.root, tmp_path / 'out', classes=TJDR
    )
    expected = np.array([0, 1, 2, 4, 3], np.uint8)[VALUES]
    for name in 'ab':
        labels, _ = read_maps(tmp_path / 'out', plan, name)
        np.testing.assert_array_equal(labels, expected)
    assert not read_maps(tmp_path / 'out', plan, 'c')[0].any()
    assert manifest['drawn'] == ['EX', 'HE', 'SE', 'MA']
    assert manifest['images'][0]['lesions']['EX']['source'] == 'labels/a.png'[:-3] + (
        'tif' if write is tiff else 'png'
    )


def two_bits(path):
    # The values 0, 1, 2 and 3 side by side, as grey.
    path.write_bytes(save_png([b'\x1b' * 16] * SHAPE[0], SHAPE[::-1], 2, 0))


def white_as_zero(path):
    path.with_suffix('.tif').write_bytes(save_tiff(VALUES, {0x0106: 0}))
    path.unlink()


@pytest.mark.parametrize(
    ('write', 'message'),
    [
        (two_bits, r'a\.png: label map cannot .*\(grey of 2 bits, expected 8\)'),
        (white_as_zero, r'a\.tif: label map cannot .*\(white is zero in it, expected'),
    ],
)
def test_values_that_readers_do_not_agree_on(maps, tmp_path, write, message):
    write(maps.root / 'labels' / 'a.png')
    with pytest.raises(InputError, match=message):
        convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=TJDR)


def test_grey_of_two_bits_is_a_colour_as_it_is_shown(maps, tmp_path):
    for name in 'abc':
        two_bits(maps.root / 'labels' / f'{name}.png')
    classes = 'EX=#555555', 'HE=#aaaaaa', 'MA=#ffffff'
    plan, _ = convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=classes)
    labels, _ = read_maps(tmp_path / 'out', plan, 'a')
    assert labels[0, :4].tolist() == [0, 1, 2, 4]


def test_colours_are_mapped(maps, tmp_path):
    for name in 'abc':
        maps.image(f'labels/{name}.png', COLOURS[VALUES])
    classes = 'EX=#ff0000', 'HE=#0000FF', 'IRMA=#ffff00', 'ignored=#00ff00'
    plan, manifest = convert_own(
        read_label_maps, maps.root, tmp_path / 'out', classes=classes
    )
    assert manifest['classes'] == ['background', 'EX', 'HE', 'IRMA']
    labels, bits = read_maps(tmp_path / 'out', plan, 'a')
    expected = np.array([0, 1, 2, 3, 255], np.uint8)[VALUES]
    np.testing.assert_array_equal(labels, expected)
    assert (bits[30:, :5] == 255).all()


def test_several_values_and_background(maps, tmp_path):
    classes = 'EX=1', 'EX=3', 'background=2', 'background=0', 'MA=4'
    plan, _ = convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=classes)
    labels, _ = read_maps(tmp_path / 'out', plan, 'a')
    np.testing.assert_array_equal(labels, np.array([0, 1, 0, 1, 4])[VALUES])


def test_a_photograph_without_a_label_map_is_left_out(maps):
    maps.photograph('images/d.jpg')
    plan = read_label_maps(open_source(maps.root), Options(classes=TJDR))
    assert [record.name for record in plan.records] == ['a', 'b', 'c']
    assert plan.warnings == ['1 photograph without a label map, left out: d']


def test_another_mapping_is_another_conversion(maps, tmp_path):
    convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=TJDR)
    other = 'EX=1', 'HE=2', 'SE=3', 'MA=4'
    with pytest.raises(InputError, match='masks were read in another way; choose'):
        convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=other)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        ((), '--classes: nothing is named, expected which value of the label maps'),
        (
            ('EX', 'HE=2'),
            "--classes EX: 'EX' is no value of a label map, expected 0",
        ),
        (('EX=256',), "--classes EX: '256' is no value"),
        (('EX=-1',), "--classes EX: '-1' is no value"),
        (('EX=1', 'HE=#ff0000'), '--classes: both values and colours are named'),
        (
            ('EX=1', 'HE=2'),
            'a.png: label map has the value 3, which --classes does not name; expected '
            'one of 1, 2, 0',
        ),
        (('EX=#ff0000',), 'a.png: label map has the value #010101, which'),
    ],
)
def test_mappings_that_do_not_fit(maps, tmp_path, classes, message):
    with pytest.raises(InputError) as caught:
        convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=classes)
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)


BAD = {
    lambda maps: maps.image('labels/a.png', COLOURS[VALUES]): (
        'label map has mode RGB, expected one channel of 8 bits; where colours tell'
    ),
    lambda maps: maps.image('labels/a.png', VALUES[:9]): 'label map is 64x9, expected',
    lambda maps: maps.image('labels/d.png', VALUES): 'label map without a photograph',
    lambda maps: maps.image('labels/a.tif', VALUES): 'a second label map of images/a',
    lambda maps: maps.image('labels/a.png', VALUES.astype(np.uint16)): 'has mode I',
}


@pytest.mark.parametrize('spoil', BAD)
def test_bad_folders(maps, tmp_path, spoil):
    spoil(maps)
    with pytest.raises(InputError) as caught:
        convert_own(read_label_maps, maps.root, tmp_path / 'out', classes=TJDR)
    assert BAD[spoil] in str(caught.value)


def test_another_folder(maps):
    (maps.root / 'labels').rename(maps.root / 'gt')
    source = open_source(maps.root)
    with pytest.raises(InputError, match="no label map in a folder 'labels'; say with"):
        read_label_maps(source, Options(classes=TJDR))
    plan = read_label_maps(source, Options(classes=TJDR, labels='GT'))
    assert len(plan.records) == 3

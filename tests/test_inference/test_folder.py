import os

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.inference import folder
from hacdr.inference.folder import find_photographs, predict_folder

IDENTITY = dict(config='a.py', checkpoint_sha256='00')


class Model:
    CLASSES = ('background', 'EX', 'HE', 'SE', 'MA')
    PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / 'photographs'
    folder.mkdir()
    for name in ('left.jpg', 'right.jpg'):
        Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save(folder / name)
    return folder


@pytest.fixture
def calls(monkeypatch):
    """Stand in for the network: lesion 3 in a square; counts the photographs."""
    seen = []

    def predict(model, path, thresholds):
        seen.append(path)
        label = np.zeros((40, 50), np.uint8)
        label[10:20, 10:20] = 3
        return label

    monkeypatch.setattr(folder, 'predict', predict)
    return seen


def test_writes_a_label_map_and_an_overlay_for_each(photographs, calls, tmp_path):
    output = tmp_path / 'out'
    written = predict_folder(Model(), photographs, output, IDENTITY)
    assert [p.name for p in written] == ['left.png', 'right.png']
    label = np.asarray(Image.open(output / 'left.png'))
    assert label[15, 15] == 3
    assert label.sum() == 300
    overlay = np.asarray(Image.open(output / 'left_overlay.jpg'))
    assert overlay.shape[1] == 2 * 50
    assert not list(output.glob('.*'))


def test_photographs_are_never_overwritten(photographs, calls):
    before = {path.name: path.read_bytes() for path in photographs.iterdir()}
    with pytest.raises(InputError, match='folder of the photographs'):
        predict_folder(Model(), photographs, photographs / '..' / 'photographs', {})
    assert {p.name: p.read_bytes() for p in photographs.iterdir()} == before


def test_an_empty_file_is_passed_over(photographs, calls, tmp_path):
    (photographs / 'empty.jpg').touch()
    with pytest.raises(InputError, match=r'passed over: empty\.jpg'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY)
    assert (tmp_path / 'out' / 'right.png').exists()


def test_goes_on_where_it_stopped(photographs, calls, tmp_path):
    output = tmp_path / 'out'
    predict_folder(Model(), photographs, output, IDENTITY)
    (output / 'right.png').unlink()
    predict_folder(Model(), photographs, output, IDENTITY)
    assert len(calls) == 3


def test_a_photograph_that_changed_is_done_again(photographs, calls, tmp_path):
    output = tmp_path / 'out'
    predict_folder(Model(), photographs, output, IDENTITY)
    later = (output / 'left.png').stat().st_mtime + 5
    os.utime(photographs / 'left.jpg', (later, later))
    predict_folder(Model(), photographs, output, IDENTITY)
    assert [path.name for path in calls] == ['left.jpg', 'right.jpg', 'left.jpg']


def test_refuses_a_file_and_a_damaged_record(photographs, calls, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='is a file, expected a folder'):
        predict_folder(Model(), photographs, tmp_path / 'file', IDENTITY)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'predictions.json').write_text('{')
    with pytest.raises(InputError, match='another checkpoint'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY)


def test_refuses_the_folder_of_another_checkpoint(photographs, calls, tmp_path):
    predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY)
    other = dict(IDENTITY, checkpoint_sha256='11')
    with pytest.raises(InputError, match='another checkpoint'):
        predict_folder(Model(), photographs, tmp_path / 'out', other)


def test_an_unreadable_photograph_does_not_stop_the_others(
    photographs, calls, tmp_path
):
    (photographs / 'broken.jpg').write_bytes(b'not a jpeg')
    with pytest.raises(InputError, match=r'1 of 3 .*broken\.jpg'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY)
    assert (tmp_path / 'out' / 'right.png').exists()


def test_draws_the_label_maps_of_the_experts(photographs, calls, tmp_path):
    labels = tmp_path / 'labels'
    labels.mkdir()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(labels / 'left.png')
    with pytest.raises(InputError, match=r'right\.png: no label map for right\.jpg'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY, labels)
    Image.fromarray(np.zeros((40, 49), np.uint8)).save(labels / 'right.png')
    with pytest.raises(InputError, match=r'\(40, 49\)'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY, labels)


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / 'labels'
    folder.mkdir()
    for name in ('left.png', 'right.png'):
        Image.fromarray(np.zeros((40, 50), np.uint8)).save(folder / name)
    return folder


def test_a_folder_without_the_label_maps_of_the_experts(
    photographs, calls, labels, tmp_path
):
    predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY)
    with pytest.raises(InputError, match=r'other label maps of experts'):
        predict_folder(Model(), photographs, tmp_path / 'out', IDENTITY, labels)


def test_a_label_map_that_changed_is_drawn_again(photographs, calls, labels, tmp_path):
    output = tmp_path / 'out'
    predict_folder(Model(), photographs, output, IDENTITY, labels)
    predict_folder(Model(), photographs, output, IDENTITY, labels)
    assert len(calls) == 2
    later = (output / 'left.png').stat().st_mtime + 5
    os.utime(labels / 'left.png', (later, later))
    predict_folder(Model(), photographs, output, IDENTITY, labels)
    assert [path.name for path in calls] == ['left.jpg', 'right.jpg', 'left.jpg']


def test_find_photographs(photographs):
    assert len(find_photographs(photographs)) == 2
    assert find_photographs(photographs / 'left.jpg') == [photographs / 'left.jpg']
    (photographs / 'left.png').write_bytes(b'')
    with pytest.raises(InputError, match=r'left\.jpg and left\.png'):
        find_photographs(photographs)


def test_find_photographs_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match='no such'):
        find_photographs(tmp_path / 'nowhere')
    with pytest.raises(InputError, match='no photograph found'):
        find_photographs(tmp_path)

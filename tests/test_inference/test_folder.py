import csv
import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.inference.folder import predict_folder
from hacdr.inference.records import claim_folder, end_part
from hacdr.inference.tables import join_tables

from ..processes import locked_by_another
from .fake_predictor import FakePredictor, read_tree, save_photograph


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / 'photographs'
    for name in ('left.jpg', 'right.jpg'):
        save_photograph(folder / name)
    return folder


@pytest.fixture
def output(tmp_path):
    return tmp_path / 'out'


@pytest.fixture
def predictor():
    return FakePredictor()


def test_what_is_written_for_each(photographs, predictor, output):
    run = predict_folder(predictor, photographs, output)
    assert run == (2, 0, [])
    label = np.asarray(Image.open(output / 'left.png'))
    assert label[15, 15] == 3
    assert label.sum() == 300
    overlay = np.asarray(Image.open(output / 'left_overlay.jpg'))
    assert overlay.shape[1] == 2 * 50
    assert sorted(read_tree(output)) == [
        '.lock',
        'left.png',
        'left_overlay.jpg',
        'parts/1_of_1.json',
        'predictions.json',
        'records/left.json',
        'records/right.json',
        'right.png',
        'right_overlay.jpg',
        *(
            f'viewer/{name}.{end}'
            for name in ('left', 'right')
            for end in ('jpg', 'js')
        ),
    ]


def test_a_record_says_what_was_found(photographs, predictor, output, capsys):
    predict_folder(predictor, photographs, output)
    record = json.loads((output / 'records' / 'left.json').read_text())
    assert record['image'] == 'left.jpg'
    assert (record['width'], record['height'], record['fov_area']) == (50, 40, 2000)
    assert record['lesions']['SE'] == {
        'number': 1,
        'area': 100,
        'share': 0.05,
        'largest': 100,
        'mean_probability': 0.75,
    }
    (finding,) = record['findings']
    assert finding['box'] == [10, 10, 10, 10]
    assert record['notes'] == ['assumed: nothing']
    assert any('field of view' in warning for warning in record['warnings'])
    said = capsys.readouterr().err
    for sentence in (*record['notes'], *record['warnings']):
        assert said.count(f'left.jpg: {sentence}') == 1


def test_probabilities(photographs, predictor, output):
    predict_folder(predictor, photographs, output)
    predict_folder(predictor, photographs, output, probabilities=True)
    planes = {
        end: np.asarray(Image.open(output / f'left_{end}.png')) for end in ('SE', 'EX')
    }
    assert planes['SE'][15, 15] == round(0.75 * 255)
    assert planes['SE'].shape == (40, 50)
    assert planes['EX'].max() == 0
    assert predictor.calls == 4 * 1


def test_names_of_classes_that_are_odd_or_would_leave_the_folder(
    photographs, predictor, output
):
    predictor.classes = ('background', 'a{b}', *predictor.classes[2:])
    predict_folder(predictor, photographs, output, probabilities=True)
    assert (output / 'left_a{b}.png').is_file()
    predictor.classes = ('background', '../x', *predictor.classes[2:])
    with pytest.raises(InputError, match='cannot be part of the name of a file'):
        predict_folder(predictor, photographs, output, overwrite=True)


def test_a_network_without_probabilities(photographs, output):
    predict_folder(FakePredictor(probable=False), photographs, output)
    record = json.loads((output / 'records' / 'left.json').read_text())
    assert record['lesions']['SE']['mean_probability'] is None
    (output / 'left.png').unlink()
    with pytest.raises(InputError, match='classes alone'):
        predict_folder(
            FakePredictor(probable=False), photographs, output, probabilities=True
        )


def test_sub_folders(photographs, predictor, output):
    save_photograph(photographs / 'more' / 'left.tif')
    save_photograph(photographs / 'more' / '.hidden.jpg')
    assert predict_folder(predictor, photographs, output).done == 2
    assert predict_folder(predictor, photographs, output, recursive=True) == (1, 2, [])
    assert (output / 'more' / 'left.png').is_file()
    assert (output / 'records' / 'more' / 'left.json').is_file()


def test_names_of_all_kinds(predictor, tmp_path, output):
    names = 'right eye (1)', 'Auge \u00e4 \u773c', 'a.b', '{output}', '%20', '-o', "'"
    for name in names:
        save_photograph(tmp_path / 'in' / 'right eye' / f'{name}.PNG')
    # macOS leaves these beside what it copies.
    (tmp_path / 'in' / 'right eye' / '._a.b.PNG').write_bytes(b'\0\5\x16\7')
    run = predict_folder(predictor, tmp_path / 'in', output, recursive=True)
    assert run == (len(names), 0, [])
    for name in names:
        assert (output / 'right eye' / f'{name}_overlay.jpg').is_file()
    assert join_tables(output, ['coco', 'labelme', 'geojson'])[1] == len(names)
    assert predict_folder(predictor, tmp_path / 'in', output, recursive=True).done == 0


def test_a_name_that_is_too_long_for_its_results(photographs, predictor, output):
    save_photograph(photographs / f'{"n" * 250}.png')
    save_photograph(photographs / f'{"n" * 220}.png')
    run = predict_folder(predictor, photographs, output)
    assert run[:2] == (3, 0)
    (entry,) = run.passed_over
    assert 'too long a name' in entry['reason']


def test_a_name_that_is_not_utf_8(photographs, predictor, output):
    name = os.fsdecode(b'\xff.jpg')
    (photographs / 'left.jpg').rename(photographs / name)
    (photographs / os.fsdecode(b'\xfe.jpg')).touch()
    run = predict_folder(predictor, photographs, output)
    assert run.done == 2
    join_tables(output, ['coco', 'labelme'])
    assert (output / os.fsdecode(b'\xff.png')).is_file()
    table = (output / 'findings.csv').read_text(encoding='utf-8-sig')
    assert r'\udcff.jpg' in table
    assert r'\udcfe.jpg' in table


def test_results_inside_of_the_photographs_are_no_photographs(photographs, predictor):
    output = photographs / 'out'
    for _ in range(2):
        run = predict_folder(predictor, photographs, output, recursive=True)
        assert run.done + run.kept == 2


def test_results_of_earlier_runs_are_no_photographs(
    photographs, predictor, output, capsys
):
    earlier = photographs / 'earlier' / 'out'
    predict_folder(predictor, photographs, earlier)
    capsys.readouterr()
    assert predict_folder(predictor, photographs, output, recursive=True).done == 2
    (told,) = [
        line for line in capsys.readouterr().err.splitlines() if 'left o' in line
    ]
    assert told.endswith(f'label maps of hacdr convert: {earlier}')
    with pytest.raises(InputError, match='no photograph found'):
        predict_folder(predictor, earlier, output)


def test_label_maps_of_a_converted_set_are_no_photographs(
    predictor, tmp_path, output, capsys
):
    root = tmp_path / 'set'
    for name in ('images/test/a.jpg', 'labels/test/a.png', 'masks/test/a.png'):
        save_photograph(root / name)
    # Not yet: without a manifest these may be anybody's photographs.
    assert predict_folder(predictor, root, output, recursive=True).done == 3
    (root / 'manifest.json').write_text('{"layout": 3}')
    capsys.readouterr()
    assert predict_folder(predictor, root, output, recursive=True) == (0, 1, [])
    assert f'{root}/labels, {root}/masks\n' in capsys.readouterr().err


@pytest.mark.parametrize('place', ['', 'out', 'images/test/out'])
def test_nothing_is_written_into_a_converted_set(
    photographs, predictor, tmp_path, place
):
    root = tmp_path / 'set'
    root.mkdir()
    (root / 'manifest.json').write_text('{"layout": 3}')
    with pytest.raises(InputError, match=r'is in the converted data set .*set, '):
        predict_folder(predictor, photographs, root / place)
    assert [path.name for path in root.iterdir()] == ['manifest.json']


def test_a_folder_with_the_name_of_a_result(photographs, predictor, output):
    save_photograph(photographs / 'left.png' / 'inner.jpg')
    save_photograph(photographs / 'findings.csv' / 'inner.jpg')
    run = predict_folder(predictor, photographs, output, recursive=True)
    assert run.done == 2
    reasons = {entry['image']: entry['reason'] for entry in run.passed_over}
    assert sorted(reasons) == ['findings.csv/inner.jpg', 'left.jpg']
    assert 'its result left.png bears the name of a folder' in reasons['left.jpg']
    assert join_tables(output)[1] == 2
    # Without the folder there, that it left in the results is in the way.
    run = predict_folder(predictor, photographs, output)
    assert run[:2] == (0, 1)
    assert 'left.png: is a folder, expected a file' in run.passed_over[0]['reason']


def test_a_result_with_the_name_of_a_folder(photographs, predictor, output):
    predict_folder(predictor, photographs, output)
    before = read_tree(output)
    save_photograph(photographs / 'left.png' / 'deep' / 'inner.jpg')
    save_photograph(photographs / 'other' / 'inner.jpg')
    run = predict_folder(predictor, photographs, output, recursive=True)
    assert run[:2] == (1, 1)
    reasons = {entry['image']: entry['reason'] for entry in run.passed_over}
    assert sorted(reasons) == ['left.jpg', 'left.png/deep/inner.jpg']
    assert 'is a file, expected a folder' in reasons['left.png/deep/inner.jpg']
    assert read_tree(output)['left.png'] == before['left.png']


def test_photographs_are_never_overwritten(photographs, predictor):
    # Sub-folders named so that results would come to lie beside their photographs.
    inner = photographs / 'photographs'
    save_photograph(inner / 'photographs' / 'left.jpg')
    save_photograph(inner / 'left.png')
    before = read_tree(photographs)
    for source, output in [
        (photographs, inner / '..'),
        (inner, photographs),
        (photographs / 'left.jpg', photographs),
    ]:
        with pytest.raises(InputError, match='folder of the photographs'):
            predict_folder(predictor, source, output, recursive=True)
    assert read_tree(photographs) == before


def test_goes_on_where_it_stopped(photographs, predictor, output):
    predict_folder(predictor, photographs, output)
    undisturbed = read_tree(output)
    for lost in ('right.png', 'records/right.json', 'viewer/right.js'):
        (output / lost).unlink()
        assert predict_folder(predictor, photographs, output) == (1, 1, [])
        assert read_tree(output) == undisturbed
    # A record that a full disk left empty.
    (output / 'records' / 'left.json').write_text('')
    (output / '.left.png.0123abcd.tmp').write_bytes(b'half')
    (output / 'viewer' / '.left.js.0123abcd.tmp').write_bytes(b'half')
    (output / 'parts' / '.1_of_1.json.0123abcd.tmp').write_bytes(b'half')
    assert predict_folder(predictor, photographs, output) == (1, 1, [])
    assert read_tree(output) == undisturbed


@pytest.mark.parametrize('shift', [5, -5e8])
def test_another_photograph_of_the_same_name(photographs, predictor, output, shift):
    """It is noticed whatever its time says: unzip and cp -p keep the source's."""
    predict_folder(predictor, photographs, output)
    time = (output / 'left.png').stat().st_mtime + shift
    os.utime(photographs / 'right.jpg', (time, time))
    assert predict_folder(predictor, photographs, output).done == 0
    save_photograph(photographs / 'left.jpg', 120)
    os.utime(photographs / 'left.jpg', (time, time))
    assert predict_folder(predictor, photographs, output) == (1, 1, [])


def test_planes_of_a_photograph_that_changed_go(photographs, predictor, output):
    predict_folder(predictor, photographs, output, probabilities=True)
    join_tables(output, ['labelme', 'geojson', 'coco'])
    save_photograph(photographs / 'left.jpg', 120)
    predict_folder(predictor, photographs, output)
    names = read_tree(output)
    assert 'right_EX.png' in names
    assert 'labelme/right.json' in names
    for gone in ('left_EX.png', 'labelme/left.json', 'coco.json', 'findings.csv'):
        assert gone not in names


def test_the_same_folder_by_another_path(photographs, predictor, output, monkeypatch):
    predict_folder(predictor, photographs, output)
    monkeypatch.chdir(photographs)
    assert predict_folder(predictor, '.', '../out') == (0, 2, [])
    assert predict_folder(predictor, 'left.jpg', output) == (0, 1, [])


@pytest.mark.parametrize(
    ('changes', 'name'),
    [
        (dict(weights='1'), 'weights differs'),
        (dict(config='1'), 'config differs'),
        (dict(hacdr='1'), 'hacdr differs'),
        (dict(flips=True, thresholds={'EX': 0.5}), 'thresholds and flips differ'),
    ],
)
def test_predictions_of_others_stay_unless_told(photographs, output, changes, name):
    predict_folder(FakePredictor(), photographs, output)
    join_tables(output)
    before = read_tree(output)
    other = FakePredictor(**changes)
    with pytest.raises(
        InputError, match=f'holds other predictions .*{name}.*overwrite'
    ):
        predict_folder(other, photographs, output)
    assert read_tree(output) == before
    assert predict_folder(other, photographs, output, overwrite=True).done == 2
    # Killed between the two, it needs not be told again.
    assert predict_folder(other, photographs, output) == (0, 2, [])
    assert 'findings.csv' not in read_tree(output)


@pytest.mark.parametrize('name', ['right.png', 'labelme/left.json', 'index.html'])
def test_files_of_something_else_stay(photographs, predictor, output, name):
    (output / name).parent.mkdir(parents=True)
    (output / name).write_text('of others')
    with pytest.raises(InputError, match=f'{name}: is there, and not of hacdr predict'):
        predict_folder(predictor, photographs, output)
    assert {*read_tree(output)} - {'.lock'} == {name}
    assert predict_folder(predictor, photographs, output, overwrite=True).done == 2


def test_refuses_a_file_and_a_damaged_head(photographs, predictor, tmp_path, output):
    (tmp_path / 'file').touch()
    for place in (tmp_path / 'file', tmp_path / 'file' / 'out'):
        with pytest.raises(InputError, match='is a file or in one, expected a folder'):
            predict_folder(predictor, photographs, place)
    output.mkdir()
    for head in ('', '{', '[]', '{"made_by": 3}'):
        (output / 'predictions.json').write_text(head)
        with pytest.raises(InputError, match=r'ns\.json: damaged, .*overwrite'):
            predict_folder(predictor, photographs, output)
    assert predict_folder(predictor, photographs, output, overwrite=True).done == 2
    # What was done counts as done.
    (output / 'predictions.json').write_text('{')
    assert predict_folder(predictor, photographs, output, overwrite=True).kept == 2


def test_what_cannot_be_read_is_passed_over(photographs, predictor, output, capsys):
    (photographs / 'broken.jpg').write_bytes(b'not a jpeg')
    (photographs / 'empty.jpg').touch()
    run = predict_folder(predictor, photographs, output)
    assert run[:2] == (2, 0)
    assert [entry['image'] for entry in run.passed_over] == ['broken.jpg', 'empty.jpg']
    assert 'not an image' in run.passed_over[0]['reason']
    assert 'passed over' in capsys.readouterr().err
    head, number, _ = join_tables(output)
    assert number == 2
    assert head['passed_over'] == run.passed_over
    rows = list(csv.DictReader((output / 'findings.csv').open(encoding='utf-8-sig')))
    assert [row['image'] for row in rows] == [
        'left.jpg',
        'right.jpg',
        'broken.jpg',
        'empty.jpg',
    ]
    assert 'not an image' in rows[2]['passed_over']
    (photographs / 'broken.jpg').unlink()
    save_photograph(photographs / 'empty.jpg')
    assert predict_folder(predictor, photographs, output) == (1, 2, [])
    assert join_tables(output)[0]['passed_over'] == []


def test_what_is_no_file_is_told_and_passed_over(
    photographs, predictor, output, monkeypatch
):
    """Not left out without a word: a link to nothing, a pipe, a closed folder."""
    (photographs / 'gone.jpg').symlink_to('nowhere.jpg')
    (photographs / 'itself.jpg').symlink_to('itself.jpg')
    os.mkfifo(photographs / 'pipe.jpg')
    save_photograph(photographs / 'closed' / 'a.jpg')
    (photographs / 'circle').symlink_to('.')
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith('closed'):
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    run = predict_folder(predictor, photographs, output, recursive=True)
    assert run[:2] == (2, 0)
    assert {e['image']: e['reason'].split(': ')[1] for e in run.passed_over} == {
        'gone.jpg': 'no such file',
        'itself.jpg': 'cannot be read (Too many levels of symbolic links)',
        'pipe.jpg': 'is not a file',
        'closed': 'folder cannot be read (Permission denied)',
    }
    with pytest.raises(InputError, match='closed: folder cannot be read'):
        predict_folder(predictor, photographs / 'closed', output)
    (entry,) = predict_folder(predictor, photographs / 'pipe.jpg', output).passed_over
    assert 'is not a file' in entry['reason']


def test_one_run_at_a_time(photographs, predictor, output):
    output.mkdir()
    busy = pytest.raises(InputError, match='another run is at work in it')
    with locked_by_another(output / '.lock'):
        for shard in ((1, 1), (1, 2)):
            with busy:
                predict_folder(predictor, photographs, output, shard=shard)
    with locked_by_another(output / '.lock_1_of_2'):
        with busy:
            predict_folder(predictor, photographs, output, shard=(1, 2))
        assert not read_tree(output).keys() - {'.lock', '.lock_1_of_2'}
        assert predict_folder(predictor, photographs, output, shard=(2, 2)).done == 1
    with locked_by_another(output / '.lock'), busy:
        join_tables(output)


def test_nothing_stays_of_a_photograph_that_broke(photographs, predictor, output):
    predict_folder(predictor, photographs, output, probabilities=True)
    (photographs / 'left.jpg').write_bytes(b'not a jpeg')
    predict_folder(predictor, photographs, output)
    assert not [name for name in read_tree(output) if 'left' in name]
    assert join_tables(output)[1] == 1


def test_equal_stems(photographs, predictor, output):
    save_photograph(photographs / 'left.png')
    save_photograph(photographs / 'LEFT.bmp')
    save_photograph(photographs / 'right_EX.jpg')
    # As one letter and as two: macOS takes both for one name.
    save_photograph(photographs / '\u00e4.png')
    save_photograph(photographs / 'a\u0308.png')
    run = predict_folder(predictor, photographs, output)
    assert run.done == 3
    reasons = {entry['image']: entry['reason'] for entry in run.passed_over}
    expected = ['left.jpg', 'left.png', 'right_EX.jpg', '\u00e4.png']
    assert sorted(reasons) == expected
    assert 'those of LEFT.bmp; rename' in reasons['left.png']
    # Those that stand in the way are kept.
    assert predict_folder(predictor, photographs, output)[:2] == (0, 3)


def test_parts_of_a_run(photographs, predictor, tmp_path):
    for name in 'abc':
        save_photograph(photographs / f'{name}.png', ord(name))
    (photographs / 'broken.jpg').touch()
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    predict_folder(predictor, photographs, whole)
    join_tables(whole)
    numbers = [
        predict_folder(predictor, photographs, parts, shard=(k, 3)).done for k in (1, 3)
    ]
    *_, missing = join_tables(parts)
    assert missing == ['2 of 3']
    numbers.append(predict_folder(predictor, photographs, parts, shard=(2, 3)).done)
    assert sum(numbers) == 5
    *_, missing = join_tables(parts)
    assert missing == []
    trees = [read_tree(folder) for folder in (whole, parts)]
    for tree in trees:
        for name in [name for name in tree if name.startswith(('parts/', '.lock'))]:
            tree.pop(name)
    assert trees[0] == trees[1]
    # A whole run afterwards keeps what the parts did, and counts nothing twice.
    assert predict_folder(predictor, photographs, parts)[:2] == (0, 5)
    assert len(join_tables(parts)[0]['passed_over']) == 1


@pytest.mark.parametrize('changed', ['photographs', 'weights'])
def test_parts_of_an_earlier_run_do_not_stand_for_those_of_a_later(
    photographs, predictor, output, changed
):
    for k in (1, 2):
        predict_folder(predictor, photographs, output, shard=(k, 2))
    assert join_tables(output)[2] == []
    if changed == 'photographs':
        for name in 'abc':
            save_photograph(photographs / f'{name}.jpg')
    else:
        predictor = FakePredictor(weights='1')
    predict_folder(predictor, photographs, output, shard=(1, 2), overwrite=True)
    assert join_tables(output)[2] == ['2 of 2']
    # A part of the earlier run that ends only now.
    end_part(output, (2, 2), 'others', [])
    assert join_tables(output)[2] == ['1 of 2', '2 of 2']
    for k in (1, 2):
        predict_folder(predictor, photographs, output, shard=(k, 2))
    assert join_tables(output)[2] == []


def test_parts_that_begin_at_once(photographs, predictor, output, monkeypatch):
    """Another takes away what is there, between the look and the removal."""
    predict_folder(predictor, photographs, output)
    join_tables(output)
    unlink = Path.unlink

    def lose(path, **options):
        if path.exists():
            unlink(path)
        unlink(path, **options)

    monkeypatch.setattr(Path, 'unlink', lose)
    save_photograph(photographs / 'left.jpg', 120)
    assert predict_folder(predictor, photographs, output, shard=(1, 2)).done == 1


def test_several_threads_write_the_same(photographs, predictor, tmp_path):
    for name in 'abcdef':
        save_photograph(photographs / f'{name}.png', ord(name))
    for jobs in (1, 4):
        predict_folder(predictor, photographs, tmp_path / f'{jobs}', jobs=jobs)
    assert read_tree(tmp_path / '1') == read_tree(tmp_path / '4')


def test_a_disk_that_is_full(photographs, predictor, output, monkeypatch):
    def refuse(path, data):
        raise OSError(28, 'No space left on device', str(path))

    monkeypatch.setattr('hacdr.inference.folder.write_bytes', refuse)
    with pytest.raises(OSError, match='No space left'):
        predict_folder(predictor, photographs, output)
    monkeypatch.undo()
    assert predict_folder(predictor, photographs, output).done == 2


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / 'labels'
    folder.mkdir()
    for name in ('left.png', 'right.png'):
        Image.fromarray(np.zeros((40, 50), np.uint8)).save(folder / name)
    return folder


def test_label_maps_of_the_experts(photographs, predictor, labels, output):
    predict_folder(predictor, photographs, output)
    plain = (output / 'left_overlay.jpg').read_bytes()
    assert predict_folder(predictor, photographs, output, labels).done == 2
    assert (output / 'left_overlay.jpg').read_bytes() != plain
    assert predict_folder(predictor, photographs, output, labels).kept == 2
    Image.fromarray(np.ones((40, 50), np.uint8)).save(labels / 'left.png')
    assert predict_folder(predictor, photographs, output, labels) == (1, 1, [])
    assert predict_folder(predictor, photographs, output).done == 2


def test_label_maps_of_the_experts_are_never_overwritten(
    photographs, predictor, labels, tmp_path
):
    before = read_tree(labels)
    with pytest.raises(InputError, match="folder of the experts' label maps"):
        predict_folder(predictor, photographs, labels / '..' / 'labels', labels)
    assert read_tree(labels) == before
    with pytest.raises(InputError, match=r'nowhere: no such folder'):
        predict_folder(predictor, photographs, tmp_path / 'out', tmp_path / 'nowhere')


def test_label_maps_that_do_not_fit(photographs, predictor, labels, output):
    predict_folder(predictor, photographs, output, probabilities=True)
    before = read_tree(output)
    Image.fromarray(np.zeros((40, 49), np.uint8)).save(labels / 'right.png')
    (labels / 'left.png').write_bytes(b'not a png')
    left, right = predict_folder(predictor, photographs, output, labels).passed_over
    assert 'left.png: map cannot be decoded' in left['reason']
    assert '(40, 49)' in right['reason']
    after = read_tree(output)
    assert after.pop('parts/1_of_1.json') != before.pop('parts/1_of_1.json')
    assert after == before


def test_a_prediction_of_another_photograph_is_not_kept(
    photographs, predictor, labels, output
):
    predict_folder(predictor, photographs, output)
    Image.fromarray(np.zeros((40, 49), np.uint8)).save(labels / 'left.png')
    save_photograph(photographs / 'left.jpg', 120)
    assert predict_folder(predictor, photographs, output, labels).passed_over
    assert not (output / 'records' / 'left.json').exists()
    assert not (output / 'left.png').exists()


def test_a_prediction_without_its_label_map_is_not_kept(photographs, predictor, output):
    """Else it would be in the way of all tables."""
    predict_folder(predictor, photographs, output)
    (output / 'left.png').unlink()
    (photographs / 'left.jpg').unlink()
    (photographs / 'left.jpg').symlink_to('nowhere.jpg')
    assert predict_folder(predictor, photographs, output).passed_over
    head, number, missing = join_tables(output)
    assert (number, missing) == (1, [])
    assert [one['image'] for one in head['passed_over']] == ['left.jpg']


def test_label_maps_that_are_missing(photographs, predictor, labels, output):
    (labels / 'left.png').unlink()
    with pytest.raises(
        InputError,
        match=r'labels: lacks the label maps of 1 of 2 photographs: left\.png',
    ):
        predict_folder(predictor, photographs, output, labels)
    assert not output.exists()
    predict_folder(predictor, photographs, output)
    join_tables(output)
    before = read_tree(output)
    with pytest.raises(InputError, match='lacks the label maps of 1 of 2 photographs'):
        predict_folder(predictor, photographs, output, labels, shard=(2, 2))
    assert read_tree(output) == before


def test_label_maps_among_the_photographs_are_no_photographs(photographs, predictor):
    labels = photographs / 'labels'
    labels.mkdir()
    for name in ('left.png', 'right.png'):
        Image.fromarray(np.zeros((40, 50), np.uint8)).save(labels / name)
    output = photographs / 'out'
    run = predict_folder(predictor, photographs, output, labels, recursive=True)
    assert run == (2, 0, [])


@pytest.mark.parametrize('moment', ['opened', 'read'])
def test_a_photograph_that_cannot_be_read_for_a_moment(
    photographs, predictor, output, monkeypatch, moment
):
    predict_folder(predictor, photographs, output, probabilities=True)
    before = read_tree(output)

    def fail(path, *_):
        raise OSError(errno.EIO, 'Input/output error', str(path))

    class Disk(io.BytesIO):
        read = fail

    def open_badly(path, mode='r', **options):
        if str(path).endswith('left.jpg') and moment == 'opened':
            fail(path)
        if str(path).endswith('left.jpg'):
            return Disk()
        return open(path, mode, **options)

    monkeypatch.setattr('hacdr.files.reading.open', open_badly, raising=False)
    (entry,) = predict_folder(predictor, photographs, output).passed_over
    assert 'left.jpg: cannot be read (Input/output error)' in entry['reason']
    after = read_tree(output)
    assert {*after} == {*before}
    assert after['records/left.json'] == before['records/left.json']
    monkeypatch.undo()
    assert predict_folder(predictor, photographs, output) == (0, 2, [])
    assert read_tree(output) == before


def test_folders_without_photographs(predictor, tmp_path, output):
    with pytest.raises(InputError, match='no such'):
        predict_folder(predictor, tmp_path / 'nowhere', output)
    with pytest.raises(InputError, match='no photograph found'):
        predict_folder(predictor, tmp_path, output)
    assert not output.exists()


def test_a_folder_is_made_anew_only_by_what_made_it(tmp_path):
    head = dict(made_by={'a': 1}, classes=[], colours=[], thresholds=None)
    claim_folder(tmp_path, head)
    claim_folder(tmp_path, dict(head, colours=[[0, 0, 0]]))


def test_killed_anywhere_and_started_again(run_script, tmp_path):
    result = run_script('tests/test_inference/killed_runs.py', tmp_path, 5)
    assert result.returncode == 0, result.stderr
    # Before and after each of two photographs' files, the head, tables and page.
    assert int(result.stdout) > 40

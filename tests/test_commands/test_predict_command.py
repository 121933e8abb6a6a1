"""hacdr predict and hacdr merge, on a tiny network."""

import csv
import json
import shutil

import pytest

from ..test_inference import tiny


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A folder with configs, weights.pth, eye.jpg and eye.png."""
    folder = tmp_path_factory.mktemp('network')
    tiny.write(folder)
    return folder


@pytest.fixture
def photographs(network, tmp_path):
    folder = tmp_path / 'photographs'
    (folder / 'more').mkdir(parents=True)
    shutil.copy(network / 'eye.jpg', folder / '=left.jpg')
    shutil.copy(network / 'eye.png', folder / 'more' / 'right.png')
    return folder


@pytest.mark.slow
def test_a_folder_in_parts(network, photographs, tmp_path, run_together):
    weights = ('--weights', network / 'weights.pth')
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    (photographs / 'broken.jpg').write_bytes(b'broken')
    predict = ('tools/predict.py', photographs, *weights, '--recursive', '-o')
    edited = tmp_path / 'edited.py'
    edited.write_text(f'_base_ = {str(network / "ours.py")!r}\n')
    results = run_together(
        (*predict, whole, '--format', 'coco', 'labelme', '--probabilities'),
        (*predict, parts, '--shard', '1/2'),
        (*predict, parts, '--shard', '2/2'),
        (*predict, tmp_path / 'file' / 'out', '--shard', '0/2'),
        (*predict, tmp_path / 'edited', '--config', edited),
    )
    codes = [result.returncode for result in results]
    assert sorted(codes[:3]) == [0, 2, 2], results[0].stderr
    for result in results:
        assert 'Traceback' not in result.stderr
    assert 'weights: weights.pth (' in results[0].stdout
    assert 'device: cpu' in results[0].stdout
    assert 'photographs: 2 predicted, 0 done before' in results[0].stdout
    assert results[0].stderr.splitlines()[-1] == (
        'error: 1 of 3 photographs were passed over, see above: broken.jpg'
    )
    assert f'hacdr merge {parts}' in results[1].stdout
    assert '0/2: expected 1/N to N/N' in results[3].stderr
    assert not (parts / 'findings.csv').exists()

    edited.write_text(edited.read_text() + 'model = dict(test_cfg=dict(flips=True))\n')
    again = (*predict, tmp_path / 'edited', '--config', edited)
    results = run_together(
        ('tools/merge.py', parts),
        again,
        ('tools/merge.py', photographs),
        (*again, '--overwrite', '--jobs', '1'),
    )
    assert [result.returncode for result in results] == [0, 2, 2, 2]
    # An edited config is noticed by what it says, under its old name too.
    assert 'holds other predictions (config and flips differ)' in results[1].stderr
    assert 'photographs: 2 predicted' in results[3].stdout
    assert 'expected a folder of hacdr predict' in results[2].stderr
    for name in ('findings.csv', 'findings.json', 'more/right.png'):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()
    rows = list(csv.DictReader((whole / 'findings.csv').open(encoding='utf-8-sig')))
    assert [row['image'] for row in rows] == [
        "'=left.jpg",
        'more/right.png',
        'broken.jpg',
    ]
    assert int(rows[0]['EX_number']) > 0
    findings = json.loads((whole / 'findings.json').read_text())
    assert len(findings['images'][0]['findings']) > 0
    for name in (
        'coco.json',
        'labelme/=left.json',
        'index.html',
        'more/right_EX.png',
        'more/right_overlay.jpg',
    ):
        assert (whole / name).is_file()

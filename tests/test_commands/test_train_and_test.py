"""The main job end to end, by the commands a user types, on a tiny network."""

import json
import re

import pytest

from hacdr.evaluation import read_results
from hacdr.synthetic import generate_dataset

from .tiny import write_config


@pytest.mark.slow
def test_convert_train_resume_test_predict(tmp_path, run_script):
    def tool(name, *args):
        return run_script(f'tools/{name}', *args)

    generate_dataset(str(tmp_path / 'raw'), train=6, test=1, size=(320, 216), jobs=1)
    data, work = tmp_path / 'data', tmp_path / 'work'
    result = tool('convert_datasets/idrid.py', tmp_path / 'raw', '-o', data)
    assert result.returncode == 0, result.stderr
    config = tmp_path / 'tiny.py'
    write_config(config, data, interval=2)

    train = ('train.py', config, '--work-dir', work, '--auto-resume')
    result = tool(*train, '--seed', 0, '--cfg-options', 'runner.max_iters=2')
    assert result.returncode == 0, result.stderr
    assert (work / 'iter_2.pth').is_file()
    # What mmseg tells of settings and weights is in the log alone.
    (log,) = work.glob('*.log')
    text = log.read_text()
    for wall in ('norm_cfg = ', 'Initialized by ', 'Hooks will be executed'):
        assert wall in text
        assert wall not in result.stderr + result.stdout
    assert 'iteration 2: mAUPR 0.' in result.stderr
    result = tool(*train, '--cfg-options', 'runner.max_iters=4')
    assert result.returncode == 0, result.stderr
    # The checkpoint's seed, not one that was drawn for nothing.
    assert re.findall(r'\bseed (\w+)', result.stderr) == ['0']
    assert 'resumed from' in result.stderr
    assert (work / 'latest.pth').resolve().name == 'iter_4.pth'

    checkpoint = work / 'latest.pth'
    test = ('test.py', config, checkpoint, '--work-dir', work, '--eval', 'mAUPR')
    masks = (
        '--cfg-options',
        'data.val.ground_truth=masks',
        'data.val.lesion_level=True',
    )
    result = tool(*test, '--split', 'val', *masks, 'data.val.region=fov')
    assert result.returncode == 0, result.stderr
    assert "ground truth: experts' masks; field of view" in result.stdout
    assert 'FROC score' in result.stdout
    thresholds = ('--thresholds', work / 'results_val.json')
    planes = ('--save-probabilities', work / 'planes')
    result = tool(*test, *thresholds, *planes)
    assert result.returncode == 0, result.stderr
    assert 'AUPR protocol: exact' in result.stdout
    assert 'Dice@t' in result.stdout
    content, scores = read_results(str(work / 'results.json'))
    assert content['dataset'] == 'IDRiDDataset'
    assert content['probabilities'] == 'planes'
    assert len(scores) == 1
    (image,) = content['photographs']
    assert (data / image['image']).is_file()
    assert (data / image['ground_truth']).is_file()
    assert (image['width'], image['height']) == (320, 216)
    assert (work / 'planes' / image['probabilities']['MA']).is_file()

    result = tool(*test, '--thresholds', work / 'results.json')
    assert result.returncode == 2
    assert 'which choose no thresholds' in result.stderr
    result = tool('compare.py', work / 'results.json', work / 'results_val.json')
    assert result.returncode == 2
    assert 'split is val, expected test' in result.stderr
    result = tool('compare.py', work / 'results.json', work / 'results.json')
    assert result.returncode == 0, result.stderr
    assert 'in fewer than 2 photographs' in result.stdout

    chosen = work / 'results_val.json'
    weights = tmp_path / 'tiny.safetensors'
    result = tool('publish_model.py', checkpoint, weights, '--thresholds', chosen)
    assert result.returncode == 0, result.stderr
    photographs = data / 'images' / 'test'
    records = []
    for i, (model, source) in enumerate([(checkpoint, chosen), (weights, 'published')]):
        out = tmp_path / f'out_{i}'
        predict = ('predict.py', photographs, '-o', out, '--weights', model)
        result = tool(*predict, '--thresholds', source)
        assert result.returncode == 0, result.stderr
        assert len(list(out.glob('*_overlay.jpg'))) == 1
        records.append(json.loads((out / 'predictions.json').read_text()))
    assert records[0]['thresholds'] == records[1]['thresholds'] is not None
    predict = ('predict.py', photographs, '-o', tmp_path / 'other', '--weights')
    result = tool(*predict, checkpoint, '--thresholds', 'published')
    assert result.returncode == 2
    assert 'no thresholds came with these weights' in result.stderr

    result = tool(*test, '--cfg-options', 'model.decode_head.channels=16')
    assert result.returncode == 2
    assert 'checkpoint of another architecture' in result.stderr
    assert 'Traceback' not in result.stderr

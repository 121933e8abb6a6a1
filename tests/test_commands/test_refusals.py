"""Commands say in one line what they cannot do, before they have written anything."""

import shutil
from pathlib import Path

from hacdr_cli import run_command

import pytest
import torch

from hacdr.errors import InputError

from ..processes import locked_by_another
from ..test_datasets.distributed import write_photographs

DEMO = Path(__file__).parents[2] / 'configs' / 'hacdr_demo.py'
# Label maps and photographs by hand: a folder each, no lists.
CONFIG = """
_base_ = {demo!r}
part = dict(
    type='LesionDataset', data_root={root!r}, img_dir='images', ann_dir='labels',
    img_suffix='.png', split=None,
)
data = dict(samples_per_gpu=1, train=dict(times=2, dataset=part), val=part, test=part)
"""
PARTS = 'data.train.dataset', 'data.val'
OTHERS = [f'{part}.type=CustomDataset' for part in PARTS]
MMSEG = [
    'model.test_cfg.output=label',
    'evaluation.metric=mIoU',
    'evaluation.save_best=mIoU',
    *(f'{part}.classes=[a,b,c,d,e]' for part in PARTS),
]
CROP = 'data.train.dataset.pipeline.LesionCrop.crop_size'


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')
    write_photographs(tmp_path, 'ab')
    config = CONFIG.format(demo=str(DEMO), root=str(tmp_path))
    (tmp_path / 'config.py').write_text(config)
    torch.save(dict(model=1), tmp_path / 'foreign.pth')
    return tmp_path


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--seed', '-1'], 'seed -1: expected 0 to 4294967295'),
        (['--seed', '4294967296'], 'seed 4294967296: expected 0 to 4294967295'),
        (['--cfg-options', 'seed=-1'], 'seed -1: expected 0 to 4294967295'),
        (['--cfg-options', 'device=cpu'], '--cfg-options device: unknown config key'),
        (['--gpus', '4'], 'gpus 4: expected 1, as a process trains on one GPU'),
        (
            ['--device', 'cpu', '--launcher', 'mpi'],
            'device cpu: expected no --launcher',
        ),
        pytest.param(
            ['--device', 'cuda'],
            'device cuda: torch finds no GPU',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='it finds one'),
        ),
        (['--load-from', 'gone.pth'], 'gone.pth: no such checkpoint file'),
        (['--resume-from', 'gone.pth'], 'gone.pth: no such checkpoint file'),
        (['--cfg-options', 'data.samples_per_gpu=5'], r'1 x 5 samples an iteration'),
        (
            ['--cfg-options', 'data_root=/gone'],
            'no data set of the config lies in',
        ),
        (['--cfg-options', 'data.val.img_dir=gone'], 'gone: no such folder'),
        (['--cfg-options', *OTHERS], 'unknown metric mAUPR, CustomDataset has mIoU'),
        (
            ['--cfg-options', *OTHERS, *MMSEG[1:]],
            "'prob', but CustomDataset scores label maps",
        ),
        (['--cfg-options', 'runner.max_epochs=3'], 'runner counts epochs'),
        (
            ['--cfg-options', 'data.train.dataset.pipeline.2.crop_size=0'],
            'crop_size must',
        ),
    ],
)
def test_a_training_that_cannot_begin(root, arguments, message):
    work = root / 'work'
    command = [str(root / 'config.py'), '--work-dir', str(work), *arguments]
    with pytest.raises(InputError, match=message) as caught:
        run_command('train', command)
    assert '\n' not in str(caught.value)
    assert not work.exists()


def test_a_folder_in_which_another_training_is(root):
    work = root / 'work'
    work.mkdir()
    busy = pytest.raises(InputError, match='work: another run is at work in it')
    with locked_by_another(work / '.lock'), busy:
        run_command('train', [str(root / 'config.py'), '--work-dir', str(work)])
    assert [path.name for path in work.iterdir()] == ['.lock']


@pytest.mark.parametrize('option', ['x', '=1'])
def test_an_option_that_is_none(root, capsys, option):
    with pytest.raises(SystemExit) as ended:
        run_command('train', [str(root / 'config.py'), '--cfg-options', 'a=1', option])
    assert ended.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith(f'--cfg-options: {option!r}, expected key=value')


@pytest.mark.parametrize('folder', ['images', 'labels'])
def test_folders_of_a_data_set_of_mmseg(root, folder):
    shutil.rmtree(root / folder)
    options = [*OTHERS, *MMSEG]
    with pytest.raises(InputError, match=rf'{folder}: no such f') as caught:
        run_command('train', [str(root / 'config.py'), '--cfg-options', *options])
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--show'], '--show: no display here; expected --show-dir DIR'),
        ([], 'nothing to do: give --eval'),
        (['--out', 'a.json'], 'a.json: expected a name that ends in .pkl'),
        (['--out', 'gone/a.pkl'], 'gone/a.pkl: no such folder'),
        (['--eval', 'mDice', '--opacity', '0'], 'opacity 0.0: expected more than 0'),
        (['--eval', 'mDice', '--opacity', 'nan'], 'opacity nan: expected more than 0'),
        (['--eval', 'mIOU'], 'unknown metric mIOU, LesionDataset has mAUPR, mDice, mI'),
        (
            ['--eval', 'mAUPR', '--cfg-options', 'model.test_cfg.output=label'],
            '--eval: mAUPR needs probabilities',
        ),
        (
            ['--eval', 'mDice', '--cfg-options', 'data.test.classes=[background,EX]'],
            'num_classes is 5, but LesionDataset of data.test has 2 classes',
        ),
        (['--eval', 'mDice'], 'foreign.pth: checkpoint of another architecture'),
    ],
)
def test_a_test_that_cannot_begin(root, monkeypatch, arguments, message):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    command = [str(root / 'config.py'), str(root / 'foreign.pth'), *arguments]
    with pytest.raises(InputError, match=message) as caught:
        run_command('test', command)
    assert '\n' not in str(caught.value)


def test_files_that_are_no_configs_and_those_that_are_swapped(root):
    config, checkpoint = str(root / 'config.py'), str(root / 'foreign.pth')
    with pytest.raises(InputError, match=r'foreign\.pth: no config file, expected'):
        run_command('train', [checkpoint])
    for named in (config, 'hacdr_idrid'):
        with pytest.raises(InputError, match='one; expected them the other way round'):
            run_command('test', [checkpoint, named, '--eval', 'mDice'])
    with pytest.raises(InputError, match=r'foreign\.pth: no config file, expected'):
        run_command('test', [checkpoint, checkpoint, '--eval', 'mDice'])


@pytest.mark.skipif(not Path('/proc/self').is_dir(), reason='no such folder here')
def test_weights_that_cannot_be_published_there(root):
    torch.save(dict(state_dict=dict(weight=torch.ones(1))), root / 'weights.pth')
    with pytest.raises(InputError, match='folder /proc takes no files'):
        run_command('publish', [str(root / 'weights.pth'), '/proc/x.safetensors'])

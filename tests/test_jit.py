"""Compiled loops are kept, but not in the package, and numba's settings stay."""

import importlib
import sys

import numba
import pytest

from hacdr import jit

LOOPS = """
import numba
from hacdr.jit import njit

@njit(nogil=True)
def ours(a):
    return a + 1

@numba.njit(cache=True)
def theirs(a):
    return a + 2
"""


@pytest.fixture
def loops(tmp_path, monkeypatch):
    """Return a function that imports the loops anew, as another process would."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'user'))
    monkeypatch.setattr(numba.config, 'CACHE_DIR', '')
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'cached_loops.py').write_text(LOOPS)

    def load():
        monkeypatch.delitem(sys.modules, 'cached_loops', raising=False)
        return importlib.import_module('cached_loops')

    return load


def compiled_files(folder):
    return {path.name.split('-')[0] for path in folder.rglob('*.nbc')}


def test_loops_are_kept_outside_of_the_package(loops, tmp_path):
    module = loops()
    assert (module.ours(1), module.theirs(1)) == (2, 3)
    assert compiled_files(tmp_path / 'user' / 'hacdr') == {'cached_loops.ours'}
    assert compiled_files(tmp_path / '__pycache__') == {'cached_loops.theirs'}
    assert numba.config.CACHE_DIR == ''
    again = loops()
    assert again.ours(1) == 2
    assert sum(again.ours.stats.cache_hits.values()) == 1


def test_a_folder_of_the_user_is_used(loops, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, 'CACHE_DIR', str(tmp_path / 'chosen'))
    loops().ours(1)
    assert compiled_files(tmp_path / 'chosen') == {'cached_loops.ours'}
    assert not (tmp_path / 'user').exists()


def test_the_loops_of_this_package_leave_no_files_in_it():
    from hacdr.evaluation import kernels as scores
    from hacdr.ops import numba_kernels as convolutions

    for module in (scores, convolutions):
        loops = [v for v in vars(module).values() if hasattr(v, 'stats')]
        assert loops
        for loop in loops:
            assert '__pycache__' not in loop.stats.cache_path


def test_without_numba_the_loop_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(jit, 'numba', None)

    @jit.njit(nogil=True)
    def loop(a):
        return a

    with pytest.raises(
        jit.InputError, match=r'test_jit needs numba.*pip install numba'
    ):
        loop(1)

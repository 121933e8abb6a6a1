"""Targets that cannot be written: one clear error, nothing half-written."""

import shutil
import subprocess

import pytest

from hacdr.conversion import convert, layout, open_source
from hacdr.conversion.idrid import read_idrid
from hacdr.errors import InputError


@pytest.fixture
def mount(tmp_path):
    """Mount small file systems in memory; skipped where that is not allowed."""
    mounted = []

    def call(options):
        folder = tmp_path / 'mounted'
        folder.mkdir(exist_ok=True)
        command = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f'cannot mount a tmpfs: {error}')
        if done.returncode:
            pytest.skip(f'cannot mount a tmpfs: {done.stderr.strip()}')
        mounted.append(folder)
        return folder

    yield call
    for folder in mounted:
        subprocess.run(['umount', str(folder)], check=True)


def run(raw, output, **options):
    source = open_source(raw.root)
    return convert(source, read_idrid(source), output, **options)


@pytest.mark.parametrize('jobs', [1, 2])
def test_disk_full(raw, mount, jobs):
    disk = mount('size=24k')
    with pytest.raises(InputError, match=r'cannot be written \(No space left .*free'):
        run(raw, disk / 'IDRiD', jobs=jobs)
    assert not list(disk.iterdir())


def test_disk_full_while_an_earlier_conversion_is_updated(raw, mount):
    disk = mount('size=1m')
    before, _ = run(raw, disk / 'IDRiD', jobs=1)
    free = shutil.disk_usage(disk).free
    (disk / 'other').write_bytes(bytes(free - 8192))
    raw.add(7)
    with pytest.raises(InputError, match='No space left'):
        run(raw, disk / 'IDRiD', jobs=1)
    assert layout.read_manifest(disk / 'IDRiD') == before
    assert layout.present_files(disk / 'IDRiD') == layout.expected_files(before)
    assert len(list(disk.iterdir())) == 2


def test_read_only_target(raw, mount):
    with pytest.raises(InputError, match=r'cannot be created \(Read-only file system'):
        run(raw, mount('ro') / 'IDRiD')

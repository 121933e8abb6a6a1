"""Runs of a study as processes of their own, resumable at any moment.

What is done is told by files that appear whole or not at all: ``training.json`` ends a
training, ``results_val.json`` a test, ``cost.json`` the measurement of a network. A
training that was interrupted resumes from its latest checkpoint.
"""

import glob
import json
import os
import os.path as osp
import queue
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from hacdr.engine.time_budget import TRAINING_RECORD
from hacdr.errors import InputError
from hacdr.files import lock_folder, make_folder, write_text
from hacdr.progress import progress_bar

from .comparing import compare_finished
from .pooling import pool_finished
from .table import headline, write_table

HACDR = sys.executable, '-m', 'hacdr'


def execute(study, devices=(None,), hacdr=HACDR):
    """Do what is left to do of a study; write its table after every run.

    Args:
        study (Study): the study.
        devices (Sequence[str | None]): what CUDA_VISIBLE_DEVICES is set to, one run at
            a time on each; None leaves it.
        hacdr (Sequence[str]): how to start the console command.

    Raises:
        InputError: the folder is in use or holds runs of other settings; or, after all
            other runs are done, the runs that failed.
    """
    make_folder(study.work_dir)
    with lock_folder(study.work_dir):
        for run in study.runs:
            _write_config(run)
        _write_outcome(study)
        failures = _complete_all(study, _Worker(hacdr, devices), len(devices))
        if failures:
            raise InputError(
                f'{len(failures)} of {len(study.runs)} runs failed: '
                + '; '.join(failures)
            )


def _write_outcome(study):
    pool_finished(study)
    compare_finished(study)
    write_table(study)


def _complete_all(study, worker, at_a_time):
    """Complete the runs that are not done; return why some failed."""
    waiting = [run for run in study.runs if not _is_done(run)]
    total = len(study.runs)
    bar = progress_bar(total=total, initial=total - len(waiting), unit='run')
    failures = []
    with bar, ThreadPoolExecutor(at_a_time) as pool:
        pending = {pool.submit(worker.complete, run, bar.write) for run in waiting}
        try:
            while pending:
                done, pending = wait(pending, 1, FIRST_COMPLETED)
                for future in done:
                    failures += filter(None, [future.result()])
                    _write_outcome(study)
                    bar.update()
                progress = worker.describe_progress()
                if progress != bar.postfix:
                    bar.set_postfix_str(progress)
        except BaseException:
            worker.stop()
            raise
    return failures


class _Worker:
    """Completes runs, each on a device that is free."""

    def __init__(self, hacdr, devices):
        self.hacdr = hacdr
        self.free = queue.Queue()
        for device in devices:
            self.free.put(device)
        self.stopped = False
        self.processes = {}

    def complete(self, run, show):
        """Do the steps of a run that are not done.

        Args:
            run (Run): what to do.
            show (callable): is called with lines for the user.

        Returns:
            str | None: why the run failed.
        """
        if self.stopped:
            return None
        device = self.free.get()
        try:
            for name, done, arguments in _steps(run):
                if osp.exists(done):
                    continue
                show(f'{run.name}: {name}')
                problem = self._run_process(run, device, name, arguments)
                if self.stopped:
                    return None
                if problem:
                    show(f'{run.name}: {problem}')
                    return f'{run.name}: {problem}'
            show(f'{run.name}: {headline(run)}')
            return None
        finally:
            self.processes.pop(run, None)
            self.free.put(device)

    def _run_process(self, run, device, name, arguments):
        # The child ends with us even if we are killed: two trainings in one folder
        # would spoil it.
        environment = dict(os.environ, HACDR_END_WITH=str(os.getpid()))
        if device is not None:
            environment['CUDA_VISIBLE_DEVICES'] = device
        path = osp.join(run.folder, f'{name}.log')
        with open(path, 'ab') as log:
            process = subprocess.Popen(
                [*self.hacdr, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.processes[run] = process
            if self.stopped:
                process.terminate()
            code = process.wait()
        if code == 0:
            return None
        how = f'signal {-code}' if code < 0 else f'exit code {code}'
        return f'{name} ended with {how}, {path}: {_last_line(path)}'

    def stop(self):
        """End what runs, and begin nothing more."""
        self.stopped = True
        for process in list(self.processes.values()):
            process.terminate()

    def describe_progress(self):
        """Return where the trainings are, for the progress bar."""
        states = []
        for run in list(self.processes):
            last = _read_last_record(run)
            if last is not None:
                states.append(f'{run.name}: iteration {last["iter"]}')
        return '; '.join(states)


def _steps(run):
    """Yield for each step its name, the file that ends it, and the command."""
    config, training = run.config_file, run.training_folder
    yield (
        'training',
        osp.join(training, TRAINING_RECORD),
        [
            'train',
            config,
            *('--work-dir', training),
            *('--seed', str(run.seed)),
            '--auto-resume',
        ],
    )
    yield (
        'test',
        run.results_file,
        [
            'test',
            config,
            osp.join(training, 'latest.pth'),
            *('--split', run.entry.split),
            *('--work-dir', run.folder),
            *('--eval', 'mAUPR', 'mDice'),
        ],
    )
    if run == run.entry.runs[0]:
        yield (
            'cost',
            run.entry.cost_file,
            ['cost', config, '--json', run.entry.cost_file],
        )


def _is_done(run):
    return all(osp.exists(done) for _, done, _ in _steps(run))


def _write_config(run):
    """Write the run's config, or make sure that it is the one that is there."""
    text = run.config.pretty_text
    if osp.exists(run.config_file):
        with open(run.config_file) as file:
            if file.read() != text:
                raise InputError(
                    f'{run.folder}: holds a run of other settings (its config.py); '
                    'choose another work_dir or name, or delete the folder'
                )
        return
    make_folder(run.folder)
    _forget_outcome(run)
    write_text(run.config_file, text)


def _forget_outcome(run):
    """Remove what was made of an earlier run whose folder was deleted."""
    entry = run.entry
    shared = [entry.results_file(run.seed)]
    if run == entry.runs[0]:
        shared.append(entry.cost_file)
    for path in filter(osp.exists, shared):
        os.remove(path)


def _last_line(path):
    with open(path, errors='replace') as file:
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else 'no output'


def _read_last_record(run):
    """Return the last training record of a run from mmcv's newest log, or None."""
    logs = sorted(glob.glob(osp.join(run.training_folder, '*.log.json')))
    if not logs:
        return None
    last = None
    with open(logs[-1]) as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if record.get('mode') == 'train':
                last = record
    return last

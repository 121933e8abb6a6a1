"""From a folder of photographs to label maps, overlays and findings."""

from __future__ import annotations

import os
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from hacdr.conversion.layout import refuse_data_set
from hacdr.errors import InputError, first_few, printable
from hacdr.files import (
    file_sha256,
    make_folder,
    remove_unfinished,
    write_bytes,
)
from hacdr.images import read_map
from hacdr.inference.findings import summarise_lesions
from hacdr.inference.formats import file_of_format, is_corrected, put_aside
from hacdr.inference.outputs import OUTPUTS, Result, encode_plane, plane_of
from hacdr.inference.planning import Task, plan_folder
from hacdr.inference.predictor import Predictor
from hacdr.inference.records import (
    begin_part,
    claim_folder,
    digest,
    end_part,
    hold_folder,
    label_map_path,
    read_record,
    record_path,
    write_record,
)
from hacdr.inference.tables import SUMS, discard_tables
from hacdr.preprocess.field_of_view import field_of_view
from hacdr.progress import progress_bar


class Run(NamedTuple):
    """What a run did.

    Attributes:
        done: photographs that were predicted.
        kept: photographs whose predictions were there already.
        passed_over: a dict of 'image' and 'reason' for each that was not.
    """

    done: int
    kept: int
    passed_over: list


class Job(NamedTuple):
    """A photograph that is to be predicted, read.

    Attributes:
        task: which.
        sha256: of its file.
        experts_sha256: of the file of the experts' label map, where there is one.
        experts: the experts' label map, uint8 (H, W).
        sample: what the network takes.
    """

    task: Task
    sha256: str
    experts_sha256: str | None
    experts: np.ndarray | None
    sample: object


def predict_folder(
    predictor: Predictor,
    source: str | Path,
    output: str | Path,
    labels: str | Path | None = None,
    recursive: bool = False,
    shard: tuple[int, int] = (1, 1),
    probabilities: bool = False,
    overwrite: bool = False,
    jobs: int = 1,
) -> Run:
    """Segment every photograph of a folder.

    What is written for each is named after it: the files of
    :data:`~hacdr.inference.outputs.OUTPUTS`, and ``records/NAME.json`` with its path in
    the folder and sha256, its size and field of view in pixels, its lesions one by one
    and added up, notes and warnings of the image check. Tables are made of the records:
    :func:`~hacdr.inference.tables.join_tables`.

    A photograph is done again where its content, the network, the thresholds, the
    version of this package or the experts' label map changed since, and only there:
    so an interrupted run goes on where it stopped. One that cannot be read, or whose
    results would be written over another's, is passed over; what is there of it stays,
    unless another photograph has taken its place.

    Args:
        predictor (Predictor): see :class:`hacdr.apis.Predictor`.
        source (str | Path): a photograph or a folder of photographs.
        output (str | Path): folder for the results; made where it is missing.
        labels (str | Path, optional): folder with the experts' label maps
            (``NAME.png``), one for each photograph, drawn beside the prediction.
        recursive (bool): look in sub-folders too; ``output`` gets the same ones.
        shard (Tuple[int, int]): (k, n): take every nth photograph from the kth on, for
            n such runs into one folder.
        probabilities (bool): write ``NAME_EX.png``, ...: 255 times the probability.
        overwrite (bool): replace what others predicted into ``output``.
        jobs (int): threads that read ahead and write beside the network.

    Returns:
        Run: what was done.

    Raises:
        InputError: no photograph in ``source``; label maps are missing; results would
            be written over photographs or label maps, or into a converted data set;
            ``output`` holds predictions of another network, thresholds or version, or
            files of something else.
    """
    output = Path(output)
    refuse_data_set(output)
    if labels is not None:
        _check_labels(labels, output)
    tasks = plan_folder(source, output, predictor.classes, recursive, labels)
    if labels is not None:
        _require_labels(labels, tasks)
    made_by = digest(predictor.made_by)
    # What a part leaves undone can be told only where all are parts of the same.
    photographs = digest([made_by, *(task.image for task in tasks)])
    tasks = tasks[shard[0] - 1 :: shard[1]]
    head = dict(
        made_by=predictor.made_by,
        classes=list(predictor.classes),
        colours=[[int(c) for c in colour] for colour in predictor.palette],
        thresholds=predictor.thresholds,
    )
    folder = os.path.abspath(source if os.path.isdir(source) else Path(source).parent)
    run = _FolderRun(predictor, folder, output, labels, probabilities, made_by)
    with hold_folder(output, shard):
        files = [file for task in tasks for file in task.files]
        claim_folder(output, head, overwrite, [*SUMS, *files])
        begin_part(output, shard, photographs)
        remove_unfinished(output / file for file in files)
        done = run.predict(tasks, jobs)
        end_part(output, shard, photographs, run.passed_over)
    return Run(done, len(tasks) - done - len(run.passed_over), run.passed_over)


class _FolderRun:
    """Photographs on their way: read and written in threads, predicted in this one."""

    def __init__(self, predictor, source, output, labels, probabilities, made_by):
        self._predictor = predictor
        self._source = source
        self._output = output
        self._labels = labels
        self._made_by = made_by
        self._probabilities = probabilities
        self._files = dict(OUTPUTS)
        if probabilities:
            for lesion in predictor.classes[1:]:
                self._files[plane_of(lesion)] = partial(encode_plane, lesion=lesion)
        self.passed_over = []

    def predict(self, tasks, jobs):
        """Predict what is not done; return how many that were."""
        done, writing = 0, deque()
        with ThreadPoolExecutor(jobs) as pool, progress_bar(
            total=len(tasks), desc='photographs', unit='photograph'
        ) as bar:
            # What is read and what is written takes much memory: of both no more than
            # keeps the network at work.
            waiting = max(1, jobs - 1)
            prepared = _work_ahead(pool, self._prepare, tasks, waiting)
            for task, job in zip(tasks, prepared):
                if isinstance(job, InputError):
                    self._pass_over(task, str(job))
                elif job is not None:
                    self._discard(task)
                    computed = self._predictor.compute(job.sample)
                    writing.append(pool.submit(self._write, job, computed))
                    done += 1
                while len(writing) > waiting:
                    writing.popleft().result()
                bar.update()
            while writing:
                writing.popleft().result()
        return done

    def _prepare(self, task):
        """Return a Job; None where it is done; an InputError where it cannot be."""
        if task.obstacle:
            return InputError(task.obstacle)
        record, sha256 = read_record(self._output, task.output), None
        try:
            label_path = _label_path(self._labels, task)
            sha256, experts_sha256 = map(_sha256, (task.path, label_path))
            if self._is_done(task, record, sha256, experts_sha256):
                if record['source'] != self._source:
                    write_record(self._output, {**record, 'source': self._source})
                return None
            self._require_places(task)
            sample = self._predictor.read(task.path)
            experts = _read_label(label_path, task, sample.photograph.shape[:2])
            return Job(task, sha256, experts_sha256, experts, sample)
        except InputError as error:
            if not self._is_kept(task, record, sha256):
                self._discard(task)
            return error

    def _is_kept(self, task, record, sha256):
        """Tell whether a photograph that is passed over has a prediction already.

        Not one of the photograph that was there before; where it cannot be read
        (``sha256`` is None), nobody knows.
        """
        return (
            record is not None
            and sha256 in (None, record['sha256'])
            and label_map_path(self._output, task.output).is_file()
        )

    def _finish(self, job, computed):
        prediction = self._predictor.finish(job.sample, computed)
        if self._probabilities and prediction.probabilities is None:
            raise InputError(
                'probabilities are asked for, of a network that gives classes alone'
            )
        return prediction

    def _is_done(self, task, record, sha256, experts_sha256):
        expected = dict(
            image=task.image,
            sha256=sha256,
            experts=experts_sha256,
            made_by=self._made_by,
        )
        files = [name.format(output=task.output) for name in self._files]
        return (
            record is not None
            and all(record.get(key) == value for key, value in expected.items())
            and all((self._output / file).is_file() for file in files)
        )

    def _require_places(self, task):
        """Refuse a photograph where something else has the place of a result."""
        for file in task.files:
            path = self._output / file
            if path.is_dir():
                raise InputError(f'{path}: is a folder, expected a file or nothing')
            # Of the folders that are to hold it, the lowest that is there.
            while not os.path.lexists(path.parent):
                path = path.parent
            if not path.parent.is_dir():
                raise InputError(
                    f'{path.parent}: is a file, expected a folder for results of '
                    f'{task.image}, or nothing'
                )

    def _pass_over(self, task, reason):
        self.passed_over.append({'image': task.image, 'reason': reason})
        tqdm.write(f'passed over: {printable(reason)}', file=sys.stderr)

    def _discard(self, task):
        """Remove all of a photograph that changed, and what adds it up."""
        discard_tables(self._output)
        annotated = self._output / file_of_format('labelme', task.output)
        if is_corrected(annotated):
            aside = put_aside(annotated)
            told = printable(f'{annotated}: corrected, kept as {aside.name}')
            tqdm.write(told, file=sys.stderr)
        # The record first: without it the photograph is not done.
        own = record_path(self._output, task.output)
        for path in (own, *(self._output / file for file in task.files)):
            # Something else may have the place of a result, or of its folder.
            if os.path.lexists(path) and not path.is_dir():
                path.unlink(missing_ok=True)

    def _write(self, job, computed):
        task, prediction = job.task, self._finish(job, computed)
        result = Result(prediction, task.path.name, job.experts)
        for name, encode in self._files.items():
            path = self._output / name.format(output=task.output)
            make_folder(path.parent)
            write_bytes(path, encode(result))
        record = {
            'image': task.image,
            'output': task.output,
            'source': self._source,
            'sha256': job.sha256,
            'experts': job.experts_sha256,
            'made_by': self._made_by,
        }
        described = _describe(prediction)
        write_record(self._output, {**record, **described})
        for sentence in (*described['notes'], *described['warnings']):
            tqdm.write(printable(f'{task.image}: {sentence}'), file=sys.stderr)


def _describe(prediction):
    """Return what a record says of a photograph itself."""
    height, width = prediction.label.shape
    fov_area = int(field_of_view(prediction.photograph).sum())
    findings = prediction.findings
    return {
        'width': width,
        'height': height,
        'fov_area': fov_area,
        'lesions': summarise_lesions(findings, prediction.classes, fov_area),
        'notes': list(prediction.notes),
        'warnings': [sentence for _, sentence in prediction.quality.warnings],
        'findings': [finding._asdict() for finding in findings],
    }


def _work_ahead(pool, work, items, number):
    """Yield what ``work`` returns for each item, begun for so many in advance."""
    pending = deque()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) > number:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _sha256(path):
    return None if path is None else file_sha256(path)


def _check_labels(folder, output):
    if not os.path.isdir(folder):
        raise InputError(f'{folder}: no such folder of label maps')
    if os.path.realpath(folder) == os.path.realpath(output):
        raise InputError(
            f"{output}: is the folder of the experts' label maps, which results would "
            'overwrite; expected another folder for the results'
        )


def _require_labels(folder, tasks):
    """Refuse a folder that lacks label maps, before anything is done without them."""
    wanted = [task for task in tasks if not task.obstacle]
    missing = [
        f'{task.output}.png'
        for task in wanted
        if not os.path.isfile(_label_path(folder, task))
    ]
    if missing:
        raise InputError(
            f'{folder}: lacks the label maps of {len(missing)} of {len(wanted)} '
            f'photographs: {first_few(missing)}'
        )


def _label_path(folder, task):
    """Return the file of the experts' label map; None without a folder of them."""
    return None if folder is None else label_map_path(Path(folder), task.output)


def _read_label(path, task, size):
    if path is None:
        return None
    label = read_map(path)
    if label.shape != size:
        raise InputError(
            f'{path}: label map of size {label.shape}, expected that of '
            f'{task.image}, {size}'
        )
    return label

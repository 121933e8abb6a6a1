"""The table of a study, as Markdown and CSV, and its learning curves."""

import csv
import io
import os.path as osp
import statistics

import matplotlib
from matplotlib.figure import Figure

from hacdr.engine import read_eval_history
from hacdr.engine.time_budget import TRAINING_RECORD
from hacdr.errors import InputError
from hacdr.evaluation import read_content
from hacdr.files import atomic_write, read_json, write_text

from .comparing import read_comparisons

# column, file of figures, key, factor, digits
COSTS = (
    ('parameters (M)', 'cost', 'parameters', 1e-6, 2),
    ('FLOPs (G)', 'cost', 'multiply_adds', 1e-9, 1),
    ('iterations', 'training', 'iterations', 1, 0),
    ('s/iteration', 'training', 'seconds_per_iteration', 1, 3),
    ('s/photograph', 'cost', 'seconds_per_photograph', 1, 3),
    ('memory (GB)', 'cost', 'training_bytes', 1e-9, 2),
)


def write_table(study):
    """Write table.md, table.csv and curves.png to the study's folder.

    Entries without a finished run have empty cells.

    Args:
        study (Study): the study.
    """
    rows = [_collect_figures(entry, study.lesions) for entry in study.entries]
    write_text(osp.join(study.work_dir, 'table.md'), _format_markdown(study, rows))
    write_text(osp.join(study.work_dir, 'table.csv'), _format_csv(study, rows))
    with atomic_write(osp.join(study.work_dir, 'curves.png')) as temporary:
        _draw_curves(study, temporary)


def headline(run):
    """Return a finished run's score in a few words."""
    return f'AUPR mean {_format_cell([_read_mean(run)], 3)}'


def _score_columns(lesions):
    return (*(f'AUPR {lesion}' for lesion in (*lesions, 'mean')), 'Dice mean')


def _collect_figures(entry, lesions):
    """Return the figures of an entry: column -> one for each seed."""
    results = _results_files(entry)
    scores = [_read_scores(path, lesions) for path in results]
    figures = {
        'cost': [read_json(entry.cost_file)] if osp.exists(entry.cost_file) else [],
        'training': _read_trainings(entry),
    }
    columns = _score_columns(lesions)
    row = {column: [one[column] for one in scores] for column in columns}
    for column, kind, key, factor, _ in COSTS:
        row[column] = [one[key] * factor for one in figures[kind]]
    return {
        'name': entry.name,
        'seeds': f'{len(results)} of {len(entry.seeds)}',
        **row,
    }


def _results_files(entry):
    files = map(entry.results_file, entry.seeds)
    return [path for path in files if osp.exists(path)]


def _read_scores(path, lesions):
    """Return the headline scores of a results file: column -> value or None."""
    content = read_content(path)
    if content['lesions'] != list(lesions):
        raise InputError(
            f'{path}: scores of {", ".join(content["lesions"])}, expected '
            f'{", ".join(lesions)}'
        )
    figures = content['summary']['figures']
    return {
        column: figures[metric][lesion]['value']
        for column in _score_columns(lesions)
        for metric, lesion in [column.split(maxsplit=1)]
    }


def _read_mean(run):
    return read_content(run.results_file)['summary']['figures']['AUPR']['mean']['value']


def _read_trainings(entry):
    """Return the records of the finished trainings, for each seed its folds' mean."""
    for_seeds = []
    for seed in entry.seeds:
        records = [
            _read_training(run)
            for run in entry.runs
            if run.seed == seed and osp.exists(run.results_file)
        ]
        if records:
            for_seeds.append(
                {
                    key: statistics.mean(record[key] for record in records)
                    for _, kind, key, *_ in COSTS
                    if kind == 'training'
                }
            )
    return for_seeds


def _read_training(run):
    record = read_json(osp.join(run.training_folder, TRAINING_RECORD))
    record['seconds_per_iteration'] = record['seconds'] / max(record['iterations'], 1)
    return record


def _format_markdown(study, rows):
    digits = {
        **dict.fromkeys(_score_columns(study.lesions), 3),
        **{column: n for column, *_, n in COSTS},
    }
    columns = ('name', 'seeds', *digits)
    lines = [
        '| ' + ' | '.join(columns) + ' |',
        '| --- |' + ' --- |' * (len(columns) - 1),
    ]
    for row in rows:
        figures = [_format_cell(row[column], n) for column, n in digits.items()]
        lines.append('| ' + ' | '.join([row['name'], row['seeds'], *figures]) + ' |')
    limit = (
        f', {study.minutes:g} {study.unit} of training each' if study.minutes else ''
    )
    tested = study.split
    if study.folds:
        tested = f'the photographs that {study.folds} folds held out, pooled'
        lines += ['', *_format_intervals(study)]
    lines += [
        *_format_comparisons(study),
        '',
        f'Tested on {tested}{limit}. Mean and, over several seeds, standard '
        'deviation. See docs/studies.md for the columns.',
        '',
    ]
    return '\n'.join(lines)


def _format_intervals(study):
    """A line for each pooled score: how far it would move with other photographs."""
    for entry in study.entries:
        for path in _results_files(entry):
            content = read_content(path)
            mean = content['summary']['figures']['AUPR']['mean']
            if mean['low'] is None:
                yield f'- {entry.name}: AUPR mean without an interval'
                continue
            low, high = (_format_cell([mean[end]], 3) for end in ('low', 'high'))
            number = len(content['photographs'])
            yield (
                f'- {entry.name}: AUPR mean from {low} to {high} in 95 % of draws of '
                f'{number} photographs'
            )


def _format_comparisons(study):
    """A table of differences from the first entry, seed by seed."""
    comparisons = read_comparisons(study)
    if not comparisons:
        return
    columns = _score_columns(study.lesions)
    yield ''
    yield '| ' + ' | '.join([f'minus {study.entries[0].name}', 'seed', *columns]) + ' |'
    yield '| --- |' + ' --- |' * (len(columns) + 1)
    for entry, seed, content in comparisons:
        cells = [_format_difference(content, column) for column in columns]
        yield '| ' + ' | '.join([entry.name, str(seed), *cells]) + ' |'
    yield ''
    yield (
        'Differences, and in brackets 95 % of draws of photographs, the same ones for '
        'both. What another training would change is not in them.'
    )
    for entry, seed, content in comparisons:
        if 'obstacle' in content:
            yield f'- {entry.name}, seed {seed}, is not compared: {content["obstacle"]}'


def _format_difference(content, column):
    metric, lesion = column.split(maxsplit=1)
    one = content.get('comparison', {}).get(metric, {}).get(lesion)
    if one is None or one['a'] is None:
        return '-'
    if one['low'] is None:
        return f'{one["b"] - one["a"]:+.3f}'
    return f'{one["b"] - one["a"]:+.3f} ({one["low"]:+.3f} to {one["high"]:+.3f})'


def _format_cell(values, digits):
    measured = [value for value in values if value is not None]
    if not measured:
        return '-'
    text = f'{statistics.mean(measured):.{digits}f}'
    if len(measured) > 1:
        text += f' ± {statistics.stdev(measured):.{digits}f}'
    return text


def _format_csv(study, rows):
    file = io.StringIO()
    figures = (*_score_columns(study.lesions), *(column for column, *_ in COSTS))
    writer = csv.writer(file, lineterminator='\n')
    spread = [f'{column} sd' for column in figures]
    heads = [head for pair in zip(figures, spread) for head in pair]
    writer.writerow(['name', 'seeds', *heads])
    for row in rows:
        cells = []
        for column in figures:
            measured = [value for value in row[column] if value is not None]
            cells.append(statistics.mean(measured) if measured else '')
            cells.append(statistics.stdev(measured) if len(measured) > 1 else '')
        writer.writerow([row['name'], row['seeds'], *cells])
    return file.getvalue()


def _draw_curves(study, path):
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.add_subplot()
    colours = matplotlib.colormaps['tab10'].colors
    for i, entry in enumerate(study.entries):
        label = entry.name
        for run in entry.runs:
            points = _read_curve(run, study)
            if points:
                style = dict(color=colours[i % len(colours)], marker='.')
                # matplotlib leaves labels that begin with _ out of the legend.
                axes.plot(*zip(*points), label=label, **style)
                label = '_'
    axes.set_xlabel(f'{study.unit} of training')
    axes.set_ylabel('mean AUPR of the lesions on val (exact)')
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if axes.get_lines():
        axes.legend()
    figure.savefig(path, format='png', dpi=120)


def _read_curve(run, study):
    """Return (minutes or iterations, mean AUPR) of the evaluations of a run."""
    history = read_eval_history(run.training_folder)
    points = [
        (one['seconds'] / 60 if study.minutes else one['iteration'], one['mAUPR'])
        for one in history
        if 'mAUPR' in one
    ]
    if study.split == 'val' and osp.exists(run.results_file):
        record = _read_training(run)
        x = record['seconds'] / 60 if study.minutes else record['iterations']
        points.append((x, _read_mean(run)))
    return points

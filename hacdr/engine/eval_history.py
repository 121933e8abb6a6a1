"""How the scores went during a training, in a file of its work dir."""

import json
import os
import os.path as osp

from mmcv.runner import HOOKS, Hook, master_only

from hacdr.engine.hook_order import require_after_evaluations, require_resumable
from hacdr.files import write_text

EVAL_HISTORY = 'scores.jsonl'


@HOOKS.register_module()
class EvalHistoryHook(Hook):
    """Write the scores of each evaluation during training to ``scores.jsonl``.

    A line each: ``{"iteration": int, "seconds": float, "mAUPR": float, ...}``, the
    seconds those of :class:`TimeBudgetHook`. Needs priority 'LOW': after the
    evaluation, before checkpoints and loggers. A place before the evaluation or behind
    a logger is refused when the training begins.
    """

    @master_only
    def before_run(self, runner):
        """Drop the lines of iterations that are to come, of a training before."""
        require_resumable(runner, self)
        require_after_evaluations(runner, self)
        path = osp.join(runner.work_dir, EVAL_HISTORY)
        if osp.exists(path):
            done = read_eval_history(runner.work_dir)
            lines = [line for line in done if line['iteration'] <= runner.iter]
            write_text(path, ''.join(f'{json.dumps(line)}\n' for line in lines))

    @master_only
    def after_train_iter(self, runner):
        """Append a line if this iteration was followed by an evaluation."""
        figures = runner.log_buffer.output
        if 'eval_iter_num' not in figures:
            return
        line = dict(
            iteration=runner.iter + 1,
            seconds=runner.extra_state.get('training_seconds'),
            **{name: v for name, v in figures.items() if name != 'eval_iter_num'},
        )
        with open(osp.join(runner.work_dir, EVAL_HISTORY), 'a') as file:
            file.write(f'{json.dumps(line)}\n')


def read_eval_history(folder):
    """Read what :class:`EvalHistoryHook` wrote.

    Args:
        folder (str): the work dir of a training.

    Returns:
        list[dict]: one for each evaluation, by iteration; empty without a history.
    """
    path = osp.join(folder, EVAL_HISTORY)
    if not os.path.exists(path):
        return []
    lines = {}
    with open(path) as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            lines[line['iteration']] = line
    return [lines[iteration] for iteration in sorted(lines)]

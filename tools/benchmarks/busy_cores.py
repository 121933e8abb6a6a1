"""Time a training step alone and beside a second training, spinning and as we run it.

Spinning is what GNU's OpenMP does by itself; our commands shorten it (hacdr_cli.py).
Four processes, two of either kind, hold the network of configs/hacdr_demo.py and
train it on noise when it is their turn: one alone, then two at once. Medians over the
steps of all rounds. Under four minutes on two cores; nothing else should run there.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from hacdr_cli import run

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'hacdr_demo.py'
# What would hide the difference.
LEFT_OUT = 'GOMP_SPINCOUNT', 'OMP_WAIT_POLICY', 'OMP_NUM_THREADS'
# What GNU's OpenMP counts up to where nobody says anything.
SPINNING = {'GOMP_SPINCOUNT': '300000'}
BATCH, SIDE = 4, 256


def main():
    args = parse_args()
    if args.child:
        train_when_told()
        return
    settings = {'spinning': SPINNING, 'ours': {}}
    trainings = {
        name: [start(variables) for _ in range(2)]
        for name, variables in settings.items()
    }
    seconds = {(name, count): [] for name in settings for count in (1, 2)}
    try:
        for _ in range(args.rounds):
            for (name, count), steps in seconds.items():
                steps += train(trainings[name][:count], args.seconds)
    finally:
        for training in (*trainings['spinning'], *trainings['ours']):
            training.kill()
    report({turn: statistics.median(steps) for turn, steps in seconds.items()})


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=3, help='default: 3')
    parser.add_argument(
        '--seconds', type=float, default=10, help='of each turn (default: 10)'
    )
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds < 1 or not args.seconds > 0:
        parser.error('--rounds and --seconds must be positive')
    return args


# --- a training -------------------------------------------------------------------


def train_when_told():
    """Read seconds from the input, train so long, print the seconds of each step."""
    import torch
    from mmseg.core import build_optimizer

    from hacdr.apis import build_network, load_config

    # It would tell how each layer begins.
    logging.getLogger('mmcv').setLevel(logging.WARNING)
    cfg = load_config(str(CONFIG))
    network = build_network(cfg)
    network.init_weights()
    network.train()
    optimizer = build_optimizer(network, cfg.optimizer)
    batch = dict(
        img=torch.randn(BATCH, 3, SIDE, SIDE),
        img_metas=[{}] * BATCH,
        gt_semantic_seg=torch.randint(0, 5, (BATCH, 1, SIDE, SIDE)),
    )

    def step():
        began = time.perf_counter()
        optimizer.zero_grad()
        network.train_step(batch, optimizer)['loss'].backward()
        optimizer.step()
        return time.perf_counter() - began

    # The first compile and warm up.
    for _ in range(3):
        step()
    print('ready', flush=True)
    for line in sys.stdin:
        end = time.perf_counter() + float(line)
        steps = [step()]
        while time.perf_counter() < end:
            steps.append(step())
        print(json.dumps(steps), flush=True)


def start(variables):
    """Start a training that waits for its turn."""
    kept = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    training = subprocess.Popen(
        [sys.executable, '-W', 'ignore', __file__, '--child'],
        env={**kept, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in training.stdout:
        if line == 'ready\n':
            return training
    raise RuntimeError(f'a training ended with exit code {training.wait()}')


def train(trainings, seconds):
    """Let them train at the same time; return the seconds of all their steps."""
    for training in trainings:
        training.stdin.write(f'{seconds}\n')
        training.stdin.flush()
    return [
        step
        for training in trainings
        for step in json.loads(training.stdout.readline())
    ]


# --- report -----------------------------------------------------------------------


def report(seconds):
    print(f'{"seconds a step":<30}{"alone":>10}{"two at once":>14}')
    for name in ('spinning', 'ours'):
        print(f'{name:<30}{seconds[name, 1]:>10.3f}{seconds[name, 2]:>14.3f}')
    goals = (
        ('alone: ours / spinning', 1.05, seconds['ours', 1] / seconds['spinning', 1]),
        ('ours: two at once / alone', 2.2, seconds['ours', 2] / seconds['ours', 1]),
    )
    print(f'\n{"goal":<30}{"must":>10}{"measured":>14}')
    for name, most, measured in goals:
        print(f'{name:<30}{f"<= {most}":>10}{measured:>14.2f}')


if __name__ == '__main__':
    run(main)

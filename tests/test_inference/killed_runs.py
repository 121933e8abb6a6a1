"""Kill a run at each file that it writes and start it again: the outcome is the same.

A script; its arguments are an empty folder and a step, 1 to kill before and after every
file. Prints at how many moments it could be killed.
"""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import cv2
from tqdm import tqdm

from hacdr.inference.folder import predict_folder
from hacdr.inference.records import read_records
from hacdr.inference.tables import join_tables
from hacdr.report.gallery import write_gallery
from tests.test_inference.fake_predictor import (
    FakePredictor,
    read_tree,
    save_photograph,
)

FORMATS = 'coco', 'labelme'
rename = os.replace


def main(folder, step):
    # What is forked would wait for OpenCV's threads for ever.
    cv2.setNumThreads(1)
    # Its lock is one for all that is forked, and who is killed may hold it.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    photographs, before, expected = (folder / name for name in ('in', 'before', 'all'))
    for name in 'ab':
        save_photograph(photographs / f'{name}.png', 60)
    run(photographs, before)
    # Of two photographs done before, one changes and one goes; a third comes.
    save_photograph(photographs / 'a.png', 90)
    save_photograph(photographs / 'c.png', 90)
    shutil.copytree(before, expected)
    run(photographs, expected)
    expected = read_tree(expected)
    moments = 0
    while True:
        output = folder / f'{moments}'
        shutil.copytree(before, output)
        if not is_killed(photographs, output, moments):
            break
        run(photographs, output)
        assert read_tree(output) == expected, moments
        moments += step
    print(moments)


def run(photographs, output):
    predict_folder(FakePredictor(), photographs, output, probabilities=True)
    head, *_ = join_tables(output, FORMATS)
    write_gallery(output, head, read_records(output, head['made_by']))


def is_killed(photographs, output, moment):
    """Run in a process that kills itself before or after a file gets its name."""
    child = os.fork()
    if not child:
        left = [moment]

        def replace(source, target):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)
            if left[0] == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 2

        os.replace = replace
        run(photographs, output)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status != 0


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""Fork commands from a process that has loaded torch and mmseg, which takes seconds.

Run as a script by tests/conftest.py; its arguments are the modules to load. hacdr is
loaded by every command, as by a user. A request is a line of JSON, a list of commands
that run at the same time; the answer is the list of their exit codes.
"""

import gc
import importlib
import json
import os
import runpy
import sys
import types


def main():
    for name in sys.argv[1:]:
        importlib.import_module(name)
    skip_pauses()
    # Children then leave these pages as they are, shared.
    gc.freeze()
    for line in sys.stdin:
        children = []
        for command in json.loads(line):
            child = os.fork()
            if not child:
                become(**command)
                return
            children.append(child)
        print(json.dumps([exit_code(child) for child in children]), flush=True)


def skip_pauses():
    """Let trainings end at once: mmcv sleeps for a second then."""
    runner = sys.modules.get('mmcv.runner.iter_based_runner')
    if runner:
        runner.time = types.SimpleNamespace(sleep=lambda seconds: None)


def exit_code(child):
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def become(argv, environment, folder, stdout, stderr):
    """Run a script in this process as Python would; its output goes to the files."""
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, stdout, os.O_WRONLY | os.O_CREAT),
        (2, stderr, os.O_WRONLY | os.O_CREAT),
    ):
        file = os.open(path, flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = argv
    # The folder of the script comes first, as here, and then PYTHONPATH.
    paths = environment['PYTHONPATH'].split(os.pathsep)
    sys.path[:1] = [os.path.dirname(argv[0]), *paths]
    runpy.run_path(argv[0], run_name='__main__')


if __name__ == '__main__':
    main()

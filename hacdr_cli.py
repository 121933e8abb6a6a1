"""How every command begins; outside the package, so that nothing is loaded before.

Importing this module sets the environment that OpenMP reads when torch is loaded: a
command imports it before anything else that is not of the standard library.
"""

import os
import sys

# The waiting threads of GNU's OpenMP spin 300000 times before they sleep, which starves
# whoever else wants the core: two trainings at once took ten times as long each.
if 'OMP_WAIT_POLICY' not in os.environ:
    os.environ.setdefault('GOMP_SPINCOUNT', '1000')

# The modules of hacdr.commands, by what they are for, as ``hacdr --help`` lists them.
COMMANDS = {
    'Data': ('convert', 'generate', 'stats', 'browse'),
    'Training': ('config', 'train', 'test', 'compare', 'report', 'study', 'cost'),
    'Prediction': ('predict', 'merge', 'publish', 'export'),
    'Weights of others': ('mscan2hacdr', 'released2hacdr'),
    'This machine': ('check-env',),
}

REPORT = (
    'a bug of hacdr, or of what it stands on; please open an issue with all of the '
    'above, the command, and what hacdr check-env prints (docs/errors.md)'
)

# These work where torch, mmcv and mmseg are missing; predict on weights of export.
WITHOUT_STACK = (
    *('convert', 'generate', 'stats', 'config', 'check-env'),
    *('predict', 'merge', 'compare', 'report'),
)

# Whether the package loads torch, mmcv and mmseg when it is imported. A command first
# reads its arguments, which takes a tenth of the time, and then asks for them.
loads_stack = True

# Packages that only some commands need, and the extra of this package that has them.
EXTRAS = {'matplotlib': 'report', 'onnx': 'export', 'onnxruntime': 'onnx'}

# Those that come with this package or with mmcv, as they are imported and installed.
REQUIRED = {
    'PIL': 'pillow',
    'cv2': 'opencv-python',
    **{name: name for name in ('jinja2', 'numba', 'numpy', 'safetensors')},
    **{name: name for name in ('scipy', 'tqdm')},
}


def main(*words):
    """Run ``hacdr NAME ...`` as the command line says.

    Args:
        words (str): what stands before the command line's own, for a script that is
            one command: ``main('train')``.
    """
    _open_closed_streams()
    try:
        try:
            _run_words(words)
        finally:
            # Where it is a pipe, most is written only now.
            sys.stdout.flush()
    except BrokenPipeError:
        if not _is_closed_pipe(sys.stdout):
            raise
        # As of a program that the closed pipe ended: ``hacdr config | head -1``.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + 13)


def _open_closed_streams():
    """Give what was closed before the start, as cron and daemons may, to nowhere.

    In the order of their numbers: no file of a command takes one, to which libraries
    print.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            # Stays open until the process ends.
            stream = open(  # noqa: SIM115
                os.devnull, mode, encoding='utf-8', errors='backslashreplace'
            )
            setattr(sys, name, stream)


def _is_closed_pipe(stream):
    """Tell whether nobody reads any more what is written to a stream."""
    import select

    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _run_words(words):
    name, *arguments = [*words, *sys.argv[1:]] or ['--help']
    if name in ('-h', '--help'):
        print('\n'.join(_describe_commands()))
    elif name == '--version':
        print(f'hacdr {_read_version()}')
    elif name in _command_names():
        global loads_stack
        loads_stack = False
        parent = os.environ.pop('HACDR_END_WITH', None)
        if parent is not None:
            _end_with(int(parent))
        if name == 'predict':
            keep_freed_memory()
        if name == 'train' and _is_for_cpu(arguments):
            # Before torch asks for GPUs.
            os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
        try:
            run(lambda: run_command(name, arguments), needs_stack=False)
        finally:
            # Whoever goes on in this process, as notebooks do, wants all of it.
            forget_package()
            loads_stack = True
    else:
        sys.exit(_fail(f'{name}: no such command; hacdr --help lists them', 2))


def _is_for_cpu(arguments):
    """Tell whether they say ``--device cpu``."""
    return '--device=cpu' in arguments or ('--device', 'cpu') in zip(
        arguments, arguments[1:]
    )


def forget_package():
    """Let the package, if it was imported without its parts, be imported anew."""
    if 'hacdr.models' not in sys.modules:
        for name in [*sys.modules]:
            if name.split('.')[0] == 'hacdr':
                del sys.modules[name]


def keep_freed_memory():
    """Let glibc keep what is freed for what is asked for next; elsewhere do nothing.

    It gives large tensors back to the system, which clears each page when it is touched
    again: a quarter of the processor's time of a prediction.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # malloc.h's M_MMAP_MAX and M_TRIM_THRESHOLD: nothing apart, nothing back.
    mallopt(-4, 0)
    mallopt(-1, 1 << 30)


def run(main, needs_stack=True):
    """Call ``main()`` and leave the process the way a user expects.

    Bad input (:class:`hacdr.errors.InputError`), and a stack that is not the one that
    hacdr needs, prints ``error: <message>`` and exits with 2, so do a disk that takes
    no more, a lack of memory, and a package of ``EXTRAS`` or ``REQUIRED`` that is
    missing; Ctrl-C exits with 130. Every other exception is a bug: it keeps its
    traceback, below which stands how to report it, and exits with 1. docs/errors.md
    lists them all.

    Args:
        main (callable): takes no argument; its return value is ignored.
        needs_stack (bool): whether it needs torch, mmcv and mmseg.
    """
    try:
        from hacdr.announcements import silence_training
        from hacdr.stack import check_stack, find_missing

        if needs_stack:
            check_stack()
        if not find_missing():
            silence_training()
        main()
    except (Exception, KeyboardInterrupt) as error:
        told = _explain(error)
        if told is None:
            sys.excepthook = _report_bug
            raise
        sys.exit(_fail(*told))


def run_command(name, arguments):
    """Run a command of :mod:`hacdr.commands`.

    Torch, mmcv and mmseg are loaded when its arguments are understood and checked.

    Args:
        name (str): 'train', 'check-env', ...
        arguments (Sequence[str]): its command line.

    Raises:
        InputError: bad input; SystemExit where the arguments cannot be parsed.
        StackError: the stack is not the one that the command needs.
    """
    import argparse
    import importlib

    import hacdr
    from hacdr.stack import check_stack, find_missing

    if '' in arguments:
        from hacdr.errors import InputError

        # It would mean this folder in some places, and nothing in others.
        raise InputError('one argument is empty; is a variable of the shell not set?')
    module = importlib.import_module(f'hacdr.commands.{_module_name(name)}')
    parser = argparse.ArgumentParser(
        prog=f'hacdr {name}',
        description=_fill(module.__doc__ or ''),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    args = parser.parse_args(arguments)
    if name not in WITHOUT_STACK:
        check_stack()
    if hasattr(module, 'check'):
        module.check(args)
    # Predictions take what is there.
    if name == 'predict' or name not in WITHOUT_STACK:
        hacdr.register_parts()
    if not hasattr(args, 'trust_checkpoint') or find_missing():
        module.run(args)
        return
    from hacdr.engine.safe_loading import restrict_loading

    with restrict_loading(args.trust_checkpoint):
        module.run(args)


def _fill(text):
    """Return a docstring for a terminal of 80 columns: lists and code keep lines."""
    import textwrap

    return '\n\n'.join(
        paragraph if '\n ' in f'\n{paragraph}' else textwrap.fill(paragraph, 79)
        for paragraph in text.strip('\n').split('\n\n')
    )


def _explain(error):
    """Return what ended a command as a line, and its exit code; None for a bug."""
    if isinstance(error, KeyboardInterrupt):
        return 'interrupted', 130
    if isinstance(error, ModuleNotFoundError):
        if error.name in REQUIRED:
            package = REQUIRED[error.name]
            needed = f'the package {package} is missing, which hacdr requires'
            return f'{needed}: pip install {package}', 2
        if error.name not in EXTRAS:
            return None
        extra = f"pip install 'hacdr[{EXTRAS[error.name]}]'"
        return f'the package {error.name} is missing: {extra}', 2
    # Importing hacdr may be what failed: its errors are there all the same.
    errors = sys.modules.get('hacdr.errors')
    if errors is None:
        return None
    if isinstance(error, errors.InputError):
        return str(error), 2
    if isinstance(error, OSError) and _is_refused_by_disk(error):
        where = errors.printable(error.filename or 'writing')
        return f'{where}: {error.strerror}', 2
    if isinstance(error, MemoryError) or _is_out_of_gpu_memory(error):
        reason = (str(error) or 'no memory left').splitlines()[0]
        return f'{reason} (expected smaller images or fewer at once)', 2
    return None


def _is_refused_by_disk(error):
    """Tell what a user's path or disk is to blame for.

    A full disk, a quota, a limit of the shell's; what may not be read or written; a
    file where a folder is expected, and the other way round; a name that is too long,
    links in a circle; a disk that is broken or gone.
    """
    import errno

    names = (
        *('ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'EEXIST', 'EISDIR'),
        *('ENOTDIR', 'ENOTEMPTY', 'ENAMETOOLONG', 'ELOOP', 'EIO', 'ENXIO', 'ESTALE'),
    )
    return error.errno in [getattr(errno, name, None) for name in names]


def _is_out_of_gpu_memory(error):
    return type(error).__name__ == 'OutOfMemoryError'


def _report_bug(kind, error, traceback):
    """Say below a traceback how to report it: a ``sys.excepthook``."""
    sys.__excepthook__(kind, error, traceback)
    print(f'{kind.__name__}: {REPORT}', file=sys.stderr)


def _end_with(parent):
    """End this process when its parent does; a study asks its trainings to."""
    import signal
    import threading
    import time

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _describe_commands():
    """Yield the lines of ``hacdr --help``, read without importing the package."""
    import ast

    yield 'usage: hacdr COMMAND ...   (hacdr COMMAND --help tells its arguments)'
    for purpose, names in COMMANDS.items():
        yield f'\n{purpose}:'
        for name in names:
            text = _read('commands', f'{_module_name(name)}.py')
            summary = ast.get_docstring(ast.parse(text)).splitlines()[0].rstrip('.')
            yield f'  {name:<15} {summary}'


def _read_version():
    import re

    return re.search(r"^__version__ = '(.+)'", _read('__init__.py'), re.M)[1]


def _read(*path):
    """Return the text of a file of the package, which is not imported."""
    from importlib.util import find_spec

    folder = os.path.dirname(find_spec('hacdr').origin)
    with open(os.path.join(folder, *path), encoding='utf-8') as file:
        return file.read()


def _command_names():
    return [name for names in COMMANDS.values() for name in names]


def _module_name(command):
    return command.replace('-', '_')


def _fail(message, code):
    print(f'error: {message}', file=sys.stderr)
    return code


if __name__ == '__main__':
    main()

"""The two pinned stacks, and which of them a machine gets, on which of its Pythons."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Tuple

from .process import SetupError

CONSTRAINTS = Path(__file__).resolve().parents[2] / 'constraints'
ASK_PYTHON = 'import ensurepip, platform, sys, venv; print(platform.python_version())'


class Stack(NamedTuple):
    """A set of pinned versions; what it runs on, each as (oldest, newest)."""

    name: str
    torch: str
    pythons: Tuple[Tuple[int, int], Tuple[int, int]]
    # Of NVIDIA's driver, for the CUDA that torch brings.
    oldest_driver: int
    # Compute capabilities of the cards that torch's kernels were built for.
    cards: Tuple[float, float]

    @property
    def constraints(self):
        """Return the file that pins every package."""
        return CONSTRAINTS / f'{self.name}.txt'

    @property
    def python_range(self):
        """Return the Pythons in words."""
        oldest, newest = ('.'.join(map(str, version)) for version in self.pythons)
        return f'Python {oldest} to {newest}'

    def pin(self, package):
        """Return 'package==version' as the constraints have it."""
        text = self.constraints.read_text()
        return re.search(rf'^{package}==\S+?(?=;|\s|$)', text, re.M).group()

    def runs_on(self, gpu):
        """Return whether torch can use this card with its driver."""
        oldest, newest = self.cards
        return gpu.driver >= self.oldest_driver and oldest <= gpu.capability <= newest


class Gpu(NamedTuple):
    """A card as nvidia-smi has it: the driver's major version, compute capability."""

    name: str
    driver: int
    capability: float


class Choice(NamedTuple):
    """A stack, the path and version of its Python, and the choice in one line."""

    stack: Stack
    python: str
    version: str
    line: str


CURRENT = Stack('current', 'torch 2.11', ((3, 10), (3, 14)), 580, (7.5, float('inf')))
CLASSIC = Stack('classic', 'torch 2.1', ((3, 8), (3, 11)), 525, (5.0, 9.0))
STACKS = {stack.name: stack for stack in (CURRENT, CLASSIC)}


def choose(forced=None):
    """Choose the stack: the current one unless this machine speaks against it.

    Args:
        forced (str | None): the name of the stack to take whatever the machine is.

    Raises:
        SetupError: ``forced`` is no stack, or no Python here runs one.
    """
    if forced:
        if forced not in STACKS:
            raise SetupError(f"STACK must be 'current' or 'classic', got {forced!r}")
        stack, why = STACKS[forced], 'forced by STACK'
        found = find_python(stack)
        if not found:
            raise SetupError(
                f'the {stack.name} stack needs {stack.python_range} with venv and '
                f'ensurepip; none was found on the path'
            )
    else:
        pythons = {stack: find_python(stack) for stack in (CURRENT, CLASSIC)}
        stack, why = choose_stack(find_gpus(), bool(pythons[CURRENT]))
        found = pythons[stack]
        if not found and stack is CLASSIC and pythons[CURRENT]:
            stack, found = CURRENT, pythons[CURRENT]
            why += f', but no {CLASSIC.python_range} was found: training on the CPU'
        if not found:
            raise SetupError(
                'no Python 3.8 to 3.14 with venv and ensurepip was found on the path '
                '(Debian, Ubuntu: apt install python3-venv)'
            )
    python, version = found
    line = f'stack: {stack.name} ({stack.torch}, Python {version}{why and "; "}{why})'
    return Choice(stack, python, version, line)


def choose_stack(gpus, python_of_current):
    """Return the stack that a machine should get, and why where it is no matter of
    course.

    Args:
        gpus (List[Gpu]): its cards.
        python_of_current (bool): whether it has a Python for the current stack.

    Returns:
        Tuple[Stack, str]: the reason is empty for the current stack on any machine
            that can use it.
    """
    if gpus and not any(CURRENT.runs_on(gpu) for gpu in gpus):
        gpu = gpus[0]
        why = (
            f'{gpu.name} with driver {gpu.driver}: {CURRENT.torch} needs driver '
            f'{CURRENT.oldest_driver} and compute capability {CURRENT.cards[0]}'
        )
        if any(CLASSIC.runs_on(gpu) for gpu in gpus):
            return CLASSIC, why
        if python_of_current:
            return CURRENT, f'{why}: training on the CPU'
    if not python_of_current:
        return CLASSIC, f'the current one needs {CURRENT.python_range}'
    return CURRENT, ''


def find_gpus():
    """Return what nvidia-smi says of the cards; none where it is not there.

    Returns:
        List[Gpu]: with a capability of 0 where the driver is too old to tell.
    """
    if not shutil.which('nvidia-smi'):
        return []
    for fields in ('name,driver_version,compute_cap', 'name,driver_version'):
        lines = _output(
            ['nvidia-smi', f'--query-gpu={fields}', '--format=csv,noheader']
        )
        try:
            gpus = [_read_gpu(line) for line in lines]
        except ValueError:
            continue
        if gpus:
            return gpus
    return []


def _read_gpu(line):
    name, driver, *capability = (field.strip() for field in line.split(','))
    return Gpu(name, int(driver.split('.')[0]), float(*capability))


def find_python(stack):
    """Return path and version of a Python for the stack: this one, or the newest.

    Returns:
        Tuple[str, str] | None: None where there is none that can make environments.
    """
    oldest, newest = stack.pythons
    names = [f'python3.{minor}' for minor in range(newest[1], oldest[1] - 1, -1)]
    if oldest <= sys.version_info[:2] <= newest:
        names.insert(0, sys.executable)
    for name in names:
        path = shutil.which(name)
        version = path and _output([path, '-c', ASK_PYTHON])
        if version:
            return path, version[0]
    return None


def _output(command):
    """Return the lines that a command prints; none where it fails."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.split('\n')[:-1] if result.returncode == 0 else []

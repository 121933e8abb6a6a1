"""Commands of the setup, with their output in a log."""

import re
import subprocess

NO_INDEX = re.compile(
    r'name resolution|NewConnectionError|ConnectTimeout|Connection refused|'
    r'Network is unreachable|ReadTimeout|ProxyError|from versions: none'
)


class SetupError(Exception):
    """What stands in the way, in one line."""


def run(command, log, compiler=False, **kwargs):
    """Run a command with its output in the log; show the compiler's progress."""
    command = [str(part) for part in command]
    lines = []
    with open(log, 'a') as file:
        file.write(f'$ {" ".join(command)}\n')
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            **kwargs,
        )
        for line in process.stdout:
            file.write(line)
            lines.append(line)
            progress = re.match(r'\[(\d+)/(\d+)\]', line.strip()) if compiler else None
            if progress:
                print(f'  compiled file {progress[1]} of {progress[2]}', flush=True)
    if process.wait() == 0:
        return
    output = ''.join(lines)
    if NO_INDEX.search(output):
        raise SetupError(f'the package index cannot be reached (log: {log})')
    said = [line.strip() for line in lines if 'error' in line.lower()] or lines[-1:]
    said = said or ['nothing was printed']
    raise SetupError(f'{" ".join(command[:6])} failed: {said[0].strip()} (log: {log})')

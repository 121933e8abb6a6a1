"""Convert FGADR (its Seg-set) as downloaded."""

from hacdr.cli import run
from hacdr.datasets.conversion.command import convert_command
from hacdr.datasets.conversion.fgadr import read_fgadr


def main():
    convert_command(read_fgadr, __doc__)


if __name__ == '__main__':
    run(main)

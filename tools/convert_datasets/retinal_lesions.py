"""Convert Retinal-Lesions as downloaded."""

from hacdr.cli import run
from hacdr.datasets.conversion.command import convert_command
from hacdr.datasets.conversion.retinal_lesions import read_retinal_lesions


def main():
    convert_command(read_retinal_lesions, __doc__)


if __name__ == '__main__':
    run(main)

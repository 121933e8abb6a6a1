"""Convert FGADR (its Seg-set) as downloaded."""

from hacdr_cli import run


def main():
    from hacdr.datasets.conversion.command import convert_command
    from hacdr.datasets.conversion.fgadr import read_fgadr

    convert_command(read_fgadr, __doc__)


if __name__ == '__main__':
    run(main)

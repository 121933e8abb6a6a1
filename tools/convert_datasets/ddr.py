"""Convert DDR (lesion segmentation part) as downloaded."""

from hacdr_cli import run


def main():
    from hacdr.datasets.conversion.command import convert_command
    from hacdr.datasets.conversion.ddr import read_ddr

    convert_command(read_ddr, __doc__)


if __name__ == '__main__':
    run(main)

"""Convert IDRiD (part A, segmentation) as downloaded."""

from hacdr_cli import run


def main():
    from hacdr.datasets.conversion.command import convert_command
    from hacdr.datasets.conversion.idrid import read_idrid

    convert_command(read_idrid, __doc__)


if __name__ == '__main__':
    run(main)

"""Convert Retinal-Lesions as downloaded."""

from hacdr_cli import run


def main():
    from hacdr.datasets.conversion.command import convert_command
    from hacdr.datasets.conversion.retinal_lesions import read_retinal_lesions

    convert_command(read_retinal_lesions, __doc__)


if __name__ == '__main__':
    run(main)

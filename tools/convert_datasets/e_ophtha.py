"""Convert e-ophtha EX or e-ophtha MA as downloaded."""

from hacdr_cli import run


def main():
    from hacdr.datasets.conversion.command import convert_command
    from hacdr.datasets.conversion.e_ophtha import read_e_ophtha

    convert_command(read_e_ophtha, __doc__)


if __name__ == '__main__':
    run(main)

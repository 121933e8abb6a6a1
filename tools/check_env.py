"""Show versions, compiled operators, GPUs and the kernels that would run."""

import argparse

from hacdr_cli import run


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    from hacdr.apis import describe_environment

    for name, value in describe_environment().items():
        print(f'{name + ":":<28}{value}')


if __name__ == '__main__':
    run(main)

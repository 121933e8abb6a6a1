"""Show versions, GPUs and the kernels that would run."""

from hacdr.apis import describe_environment


def add_arguments(parser):
    """Add nothing: there is nothing to choose."""


def run(args):
    for name, value in describe_environment().items():
        print(f'{name + ":":<28}{value}')

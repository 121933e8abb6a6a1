"""Show versions, GPUs and the kernels that would run."""


def add_arguments(parser):
    """Add nothing: there is nothing to choose."""


def run(args):
    from hacdr.engine.environment import describe_environment

    for name, value in describe_environment().items():
        print(f'{name + ":":<28}{value}')

"""Measure a network: parameters, arithmetic, time, memory."""

from hacdr.files import write_json
from hacdr.shipped import find_config


def add_arguments(parser):
    parser.add_argument('config', help='config file')
    parser.add_argument('--json', help='write the figures to this file too')


def check(args):
    find_config(args.config)


def run(args):
    from hacdr.engine.config import check_config, load_config
    from hacdr.engine.cost import measure_cost
    from hacdr.engine.terminal import open_terminal

    open_terminal('WARNING', verbose=False)
    cfg = load_config(args.config)
    check_config(cfg)
    cost = measure_cost(cfg)
    height, width = cost['input_size']
    multiply_adds = cost['multiply_adds'] / 1e9
    print(f'parameters             {cost["parameters"] / 1e6:.2f} M')
    print(f'multiply-adds          {multiply_adds:.2f} G at {height}x{width}')
    print(f'time a photograph      {cost["seconds_per_photograph"]:.3f} s')
    print(f'memory of training     {cost["training_bytes"] / 1e9:.2f} GB')
    if args.json:
        write_json(args.json, cost)

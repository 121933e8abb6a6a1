"""Write the weights of a checkpoint alone, in half precision (safetensors)."""

import argparse

from hacdr.cli import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('output', help='file to write, .safetensors')
    args = parser.parse_args()
    from hacdr.engine import publish_weights

    print(f'{publish_weights(args.checkpoint, args.output)}  {args.output}')


if __name__ == '__main__':
    run(main)

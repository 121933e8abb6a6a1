"""Is checkpoint B better than A? Compare two results.json of the same photographs."""

import argparse

from hacdr_cli import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('a', metavar='A.json', help='results of tools/test.py')
    parser.add_argument('b', metavar='B.json', help='results of tools/test.py')
    args = parser.parse_args()

    from hacdr.evaluation import (
        Protocol,
        check_comparable,
        compare,
        format_comparison,
        read_results,
    )

    first, first_scores = read_results(args.a)
    second, second_scores = read_results(args.b)
    check_comparable(first, second, (args.a, args.b))
    comparison = compare(first, first_scores, second, second_scores)
    protocol = Protocol(**first['protocol'])
    print(f'A: {args.a}\nB: {args.b}')
    print(format_comparison(comparison, protocol, len(first_scores)))


if __name__ == '__main__':
    run(main)

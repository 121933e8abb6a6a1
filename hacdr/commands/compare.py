"""Compare two tests of the same photographs: is B better than A?"""

from hacdr.evaluation import (
    Protocol,
    check_comparable,
    compare,
    format_comparison,
    read_results,
)


def add_arguments(parser):
    parser.add_argument('a', metavar='A.json', help='results.json of hacdr test')
    parser.add_argument('b', metavar='B.json', help='results.json of hacdr test')


def run(args):
    first, first_scores = read_results(args.a)
    second, second_scores = read_results(args.b)
    check_comparable(first, second, (args.a, args.b))
    comparison = compare(first, first_scores, second, second_scores)
    protocol = Protocol(**first['protocol'])
    print(f'A: {args.a}\nB: {args.b}')
    print(format_comparison(comparison, protocol, len(first_scores)))

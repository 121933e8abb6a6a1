"""Compare two tests of the same photographs: is B better than A?"""

from hacdr.evaluation import (
    Protocol,
    check_comparable,
    compare,
    format_comparison,
    keep_common,
    read_results,
)


def add_arguments(parser):
    parser.add_argument('a', metavar='A.json', help='results.json of hacdr test')
    parser.add_argument('b', metavar='B.json', help='results.json of hacdr test')
    parser.add_argument(
        '--common',
        action='store_true',
        help='compare on the photographs that both have, tested in whatever split: '
        'results_val.json, say, with results_folds.json',
    )


def run(args):
    names = args.a, args.b
    results = [read_results(name) for name in names]
    if args.common:
        results = keep_common(results, names)
    (first, first_scores), (second, second_scores) = results
    check_comparable(first, second, names)
    comparison = compare(first, first_scores, second, second_scores)
    protocol = Protocol(**first['protocol'])
    print(f'A: {args.a}\nB: {args.b}')
    print(format_comparison(comparison, protocol, len(first_scores)))

"""Write one HTML page of a test, complete in itself."""

import os.path as osp

from hacdr.report.page import write_report


def add_arguments(parser):
    parser.add_argument(
        'results', help='results.json of hacdr test --save-probabilities'
    )
    parser.add_argument(
        '-o',
        '--output',
        help='the page, .html or .htm; default: report.html beside the results',
    )
    parser.add_argument(
        '--data-root', help='converted data; default: where the test found it'
    )


def run(args):
    output = args.output or osp.join(osp.dirname(args.results), 'report.html')
    write_report(args.results, output, args.data_root)
    print(f'report: {output}')

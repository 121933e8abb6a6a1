"""Write one self-contained HTML page of a test."""

import argparse
import os.path as osp

from hacdr_cli import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'results', help='results.json of tools/test.py --save-probabilities'
    )
    parser.add_argument(
        '-o', '--output', help='the page; default: report.html beside the results'
    )
    parser.add_argument(
        '--data-root', help='converted data; default: where the test found it'
    )
    args = parser.parse_args()
    from hacdr.report import write_report

    output = args.output or osp.join(osp.dirname(args.results), 'report.html')
    write_report(args.results, output, args.data_root)
    print(f'report: {output}')


if __name__ == '__main__':
    run(main)

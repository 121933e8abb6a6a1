"""Save a photograph in every form that is read, and compare the label maps.

Prints a Markdown table: how many pixels of the label map agree with that of the PNG.
Pixels that are equal once they are read are segmented once.
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

from hacdr_cli import run

import cv2

from hacdr.apis import Predictor
from hacdr.images import open_photograph
from hacdr.preprocess.resize import fit_size
from tests.test_images import dicom_forms, forms


def add_arguments(parser):
    parser.add_argument('photograph', type=Path, help='its file')
    parser.add_argument(
        '--max-side', type=int, default=1440, help='it is reduced to this first'
    )


def compare_forms(args):
    """Print the table."""
    photograph = open_photograph(args.photograph).pixels
    size = fit_size(photograph.shape[1::-1], args.max_side)
    photograph = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)
    pixels = cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)
    predictor, labels, expected = Predictor(device='cpu'), {}, None
    print('| form | pixels equal | labels that agree | lesion pixels | notes |')
    print('| --- | --- | --- | --- | --- |')
    groups = {**forms.LOSSLESS, **dicom_forms.LOSSLESS, **forms.LOSSY}
    with tempfile.TemporaryDirectory() as folder:
        for name, encode in groups.items():
            path = Path(folder) / 'photograph'
            path.write_bytes(encode(pixels))
            read, notes = open_photograph(path)
            digest = hashlib.sha256(read.tobytes()).digest()
            if digest not in labels:
                labels[digest] = predictor.predict(read).label
            label = labels[digest]
            expected = label if expected is None else expected
            equal = 'yes' if (read == photograph).all() else 'no'
            print(
                f'| {name} | {equal} | {100 * (label == expected).mean():.3f} % '
                f'| {(label > 0).sum()} | {"; ".join(notes)} |',
                flush=True,
            )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_arguments(parser)
    compare_forms(parser.parse_args(argv))


if __name__ == '__main__':
    run(main)

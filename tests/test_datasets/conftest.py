"""A raw IDRiD of a few small pictures, with the real one's quirks."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = 64, 48
SUBSETS = {'train': 'a. Training Set', 'test': 'b. Testing Set'}
LESION_FOLDERS = {
    'MA': '1. Microaneurysms',
    'HE': '2. Haemorrhages',
    'EX': '3. Hard Exudates',
    'SE': '4. Soft Exudates',
    'OD': '5. Optic Disc',
}


def palette_tiff(mask):
    """IDRiD's kind of mask: one bit a pixel, palette black and red."""
    file = io.BytesIO()
    tags = {262: 3, 320: (0, 65535, 0, 0, 0, 0)}
    Image.fromarray(mask).save(file, 'TIFF', tiffinfo=tags, compression='tiff_lzw')
    return file.getvalue()


def rgba_tiff(mask):
    """The kind of IDRiD_81_EX: red on black, alpha 255 everywhere."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[..., 0] = mask * 255
    pixels[..., 3] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'TIFF', compression='tiff_lzw')
    return file.getvalue()


def jpeg(size=SIZE, seed=0):
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3))
    file = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(file, 'JPEG', quality=90)
    return file.getvalue()


def square(top, left, side, size=SIZE):
    mask = np.zeros((size[1], size[0]), bool)
    mask[top : top + side, left : left + side] = True
    return mask


class RawIDRiD:
    """Writes and changes a raw set; ``root`` is the folder 'A. Segmentation'."""

    def __init__(self, root):
        self.root = Path(root)

    def photograph(self, number, subset='train'):
        folder = self.root / '1. Original Images' / SUBSETS[subset]
        return folder / f'IDRiD_{number:02d}.jpg'

    def mask(self, number, lesion, subset='train'):
        folder = self.root / '2. All Segmentation Groundtruths' / SUBSETS[subset]
        return folder / LESION_FOLDERS[lesion] / f'IDRiD_{number:02d}_{lesion}.tif'

    def add(self, number, subset='train', encode=palette_tiff, **masks):
        self._write(self.photograph(number, subset), jpeg(seed=number))
        for lesion, mask in masks.items():
            self._write(self.mask(number, lesion, subset), encode(mask))
        return self

    def _write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
def raw(tmp_path):
    """Photographs 1, 2, 5 (of the validation list) and 81 (test)."""
    raw = RawIDRiD(tmp_path / 'download' / 'A. Segmentation')
    raw.add(1, EX=square(2, 2, 10), HE=square(8, 8, 10), MA=square(9, 9, 2))
    raw.add(2, EX=square(0, 0, 3), SE=square(20, 20, 5), OD=square(0, 0, 40))
    raw.add(5, MA=square(30, 30, 2))
    raw.add(81, 'test', encode=rgba_tiff, EX=square(10, 10, 4))
    return raw

"""Data sets of a few small photographs: raw, with the real ones' quirks; converted."""

import io
import os
import shutil
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


def grey_tiff(mask):
    """Grey, 0 and 255."""
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, 'TIFF')
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


# Many resolutions. Two of the test photographs are not in the grading lists; the
# left half of one training photograph lies in shadow.
DDR = {
    'train': {'007-1774-100': (360, 240), '007-5625-300': (340, 336)},
    'valid': {'007-1789-100': (320, 280), '20170413102628830': (320, 160)},
    'test': {'007-6219-300': (330, 220), '007-6325-400': (320, 320)},
}
DDR_ENCODINGS = grey_tiff, palette_tiff, rgba_tiff


class RawDDR:
    """Writes and changes a raw set; ``root`` is the folder 'DDR-dataset'."""

    def __init__(self, root):
        self.root = Path(root)

    def photograph(self, name, subset):
        return self.root / 'lesion_segmentation' / subset / 'image' / f'{name}.jpg'

    def mask(self, name, lesion, subset):
        folder = 'segmentation label' if subset == 'valid' else 'label'
        subset = self.root / 'lesion_segmentation' / subset
        return subset / folder / lesion / f'{name}.tif'

    def write(self):
        # Not by those who load this file without needing it: it loads the package.
        from hacdr.synthetic import generate_photograph

        index = 0
        for subset, photographs in DDR.items():
            for name, size in photographs.items():
                pixels, masks = generate_photograph(index, size=size)
                if name == '007-5625-300':
                    pixels[:, : size[0] // 2] //= 12
                file = io.BytesIO()
                Image.fromarray(pixels).save(file, 'JPEG', quality=90)
                self._write(self.photograph(name, subset), file.getvalue())
                for lesion, mask in masks.items():
                    # Every photograph has all four; all black means none.
                    data = DDR_ENCODINGS[index % 3](mask)
                    self._write(self.mask(name, lesion, subset), data)
                index += 1
            self._write_other_parts(subset, photographs)
        return self

    def _write_other_parts(self, subset, photographs):
        graded = [name for name in photographs if name[:5] != '007-6']
        lines = ''.join(f'{name}.jpg 2\n' for name in graded)
        self._write(self.root / 'DR_grading' / f'{subset}.txt', lines.encode())
        for name in graded:
            path = self.root / 'DR_grading' / subset / f'{name}.jpg'
            self._write(path, jpeg())
        for name in photographs:
            path = self.root / 'lesion_detection' / subset / f'{name}.xml'
            self._write(path, b'<annotation/>')
        self._write(self.photograph('x', subset).with_name('Thumbs.db'), b'')

    def _write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture(scope='session')
def generated_ddr(tmp_path_factory):
    """Not to be changed."""
    return RawDDR(tmp_path_factory.mktemp('generated') / 'DDR-dataset').write()


@pytest.fixture
def raw_ddr(generated_ddr, tmp_path):
    """Two photographs in each of train, valid and test."""
    root = tmp_path / 'download' / 'DDR-dataset'
    shutil.copytree(generated_ddr.root, root)
    return RawDDR(root)


@pytest.fixture(scope='session')
def real():
    """Root of the real IDRiD, converted; its tests are skipped where it is not."""
    root = Path(os.environ.get('HACDR_IDRID', 'data/IDRiD'))
    if not (root / 'images' / 'train' / 'IDRiD_04.jpg').is_file():
        pytest.skip(f'no real IDRiD at {root}: convert it there or set HACDR_IDRID')
    return root


def make_eye(height=240, width=320, seed=0):
    """A photograph of an eye with lesions of every size, and its map of bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    disc = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (0.47 * height) ** 2
    texture = rng.normal(0, 12, (height, width, 3))
    photograph = np.clip(texture + np.array((40, 90, 180)), 12, 255) * disc[..., None]
    bits = np.zeros((height, width), np.uint8)
    for lesion, (count, radius) in enumerate([(9, 5), (4, 9), (2, 12), (12, 2)]):
        for _ in range(count):
            row, column = rng.uniform((0.25, 0.3), (0.75, 0.7)) * (height, width)
            spot = (y - row) ** 2 + (x - column) ** 2 <= radius**2
            bits[spot] |= 1 << lesion
            photograph[spot] *= rng.uniform(0.4, 1.3, 3)
    return np.clip(photograph, 0, 255).astype(np.uint8), bits


def to_labels(bits):
    return np.array([v.bit_length() for v in range(16)], np.uint8)[bits]


class Converted:
    """A folder in the layout of a converted set; ``load`` is a sample's start."""

    def __init__(self, root):
        self.root = root

    def add(self, name, photograph, bits, quality=92):
        for folder, values, suffix in (
            ('images', photograph[..., ::-1], 'jpg'),
            ('labels', to_labels(bits), 'png'),
            ('masks', bits, 'png'),
        ):
            path = self.root / folder / 'train' / f'{name}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            options = dict(quality=quality) if suffix == 'jpg' else {}
            Image.fromarray(np.ascontiguousarray(values)).save(path, **options)
        return self

    def start(self, name='a', train=True):
        results = dict(
            img_info=dict(filename=f'{name}.jpg'),
            img_prefix=str(self.root / 'images' / 'train'),
            seg_prefix=str(self.root / 'labels' / 'train'),
            seg_fields=[],
        )
        masks = self.root / 'masks' / 'train'
        if masks.is_dir():
            results['mask_prefix'] = str(masks)
        if train:
            results['ann_info'] = dict(seg_map=f'{name}.png')
        return results


@pytest.fixture
def eye():
    return make_eye()


@pytest.fixture
def converted(tmp_path, eye):
    return Converted(tmp_path / 'set').add('a', *eye)

"""Of damaged and changed files a reader returns a result or an InputError.

``HACDR_FUZZ_EXAMPLES=2000`` looks for longer than a test run does.
"""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hacdr.errors import InputError
from hacdr.images import MAX_PIXELS, open_photograph, read_header, read_map
from tests.test_images.forms import FEW_COLOURS, LOSSLESS, LOSSY, PIXELS, save

try:
    from tests.test_images import dicom_forms
except ImportError:
    DICOM = []
else:
    DICOM = [*dicom_forms.LOSSLESS.values(), dicom_forms.palette]

FORMS = [*LOSSLESS.values(), *LOSSY.values(), *FEW_COLOURS.values(), *DICOM]
FILES = [
    *(encode(PIXELS) for encode in FORMS),
    save(PIXELS[..., 0], 'GIF'),
    save(PIXELS, 'PPM'),
]
# Where things are decided: more often at the beginning than elsewhere.
PLACES = st.one_of(st.integers(0, 80), st.integers(0, 1 << 14))
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just('cut'), PLACES, st.just(b'')),
        st.tuples(st.just('zeros'), PLACES, st.just(b'')),
        st.tuples(st.just('overwrite'), PLACES, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just('insert'), PLACES, st.binary(min_size=1, max_size=64)),
        st.tuples(st.just('delete'), PLACES, st.binary(min_size=1, max_size=64)),
    ),
    max_size=4,
)


def change(data, edits):
    """Return a file with edits (kind, place, bytes) made one after the other."""
    for kind, place, new in edits:
        place %= len(data) + 1
        head, tail = data[:place], data[place:]
        data = (
            head
            + {
                'cut': b'',
                'zeros': bytes(len(tail)),
                'overwrite': new + tail[len(new) :],
                'insert': new + tail,
                'delete': tail[len(new) :],
            }[kind]
        )
    return data


def read(function, path):
    """Return what a reader returns, or the one line that it says instead."""
    try:
        return function(path)
    except InputError as error:
        line = str(error)
        assert line.startswith(f'{path}: ')
        assert '\n' not in line
        return None


@settings(
    max_examples=int(os.environ.get('HACDR_FUZZ_EXAMPLES', '200')),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.sampled_from(FILES), edits=EDITS)
def test_damaged_files(tmp_path_factory, data, edits):
    path = tmp_path_factory.getbasetemp() / 'damaged'
    path.write_bytes(change(data, edits))
    header = read(read_header, path)
    photograph = read(open_photograph, path)
    if photograph is not None:
        assert photograph.pixels.dtype == np.uint8
        assert photograph.pixels.shape == (*header.size[::-1], 3)
        assert photograph.pixels.flags.c_contiguous
        assert all('\n' not in note for note in photograph.notes)
        assert header.size[0] * header.size[1] <= MAX_PIXELS
    values = read(read_map, path)
    if values is not None:
        assert values.dtype == np.uint8
        assert values.ndim == 2


@settings(
    max_examples=int(os.environ.get('HACDR_FUZZ_EXAMPLES', '200')) // 10, deadline=None
)
@given(data=st.binary(max_size=300))
def test_what_begins_like_an_image(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / 'noise'
    for start in (b'', b'II*\0', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'BM', b'RIFF'):
        path.write_bytes(start + data)
        for function in (read_header, open_photograph, read_map):
            read(function, path)

"""Loops that reduce photographs and label maps, compiled by numba.

Cells are the pixels of the reduced picture: cell (y, x) covers the rectangle from
(y * fy, x * fx) to ((y + 1) * fy, (x + 1) * fx) of the original.
"""

import numpy as np

from hacdr.jit import njit
from hacdr.lesions import LESIONS

OPTIONS = {
    'nogil': True,
    'error_model': 'numpy',
    'fastmath': {'reassoc', 'contract', 'nsz', 'arcp'},
}
# What a pixel can be: bits of four lesions, ignored, none of these.
CODES, IGNORED, UNKNOWN = 18, 16, 17
# Rounding errors must not make a cell end in a pixel that it only touches.
TINY = 1e-6


@njit(**OPTIONS)
def average(picture, top, left, fy, fx, out):
    """Mean over each cell, pixels on its border by their share.

    Args:
        picture (ndarray): uint8 (H, W, 3).
        top, left (int): first row and column of cells wanted.
        fy, fx (float): size of a cell, at least 1.
        out (ndarray): uint8 (h, w, 3), written.
    """
    height, width, _ = picture.shape
    rows, columns, _ = out.shape
    begin = int(left * fx)
    end = min(width, int(np.ceil((left + columns) * fx - TINY)))
    size = 3 * (end - begin)
    line = np.empty(size, np.float32)
    first = np.empty(columns, np.int32)
    last = np.empty(columns, np.int32)
    first_share = np.empty(columns, np.float32)
    last_share = np.empty(columns, np.float32)
    share = np.float32(1 / fx)
    half = np.float32(0.5)
    for x in range(columns):
        start = (left + x) * fx
        stop = start + fx
        i, j = int(start), min(int(np.ceil(stop - TINY)), width) - 1
        first[x], last[x] = 3 * (i - begin), 3 * (j - begin)
        first_share[x] = (i + 1 - start) / fx if j > i else 1
        last_share[x] = (stop - j) / fx if j > i else 0
    for y in range(rows):
        start = (top + y) * fy
        stop = start + fy
        i, j = int(start), min(int(np.ceil(stop - TINY)), height) - 1
        # Rows first: long vectors, and what is left for the columns is less.
        source = picture[i].reshape(-1)[3 * begin : 3 * end]
        weight = np.float32((min(stop, i + 1) - start) / fy)
        for k in range(size):
            line[k] = weight * np.float32(source[k])
        for row in range(i + 1, j + 1):
            source = picture[row].reshape(-1)[3 * begin : 3 * end]
            weight = np.float32((min(stop, row + 1) - row) / fy)
            for k in range(size):
                line[k] += weight * np.float32(source[k])
        target = out[y]
        for x in range(columns):
            p, q = first[x], last[x]
            u, v = first_share[x], last_share[x]
            b = u * line[p] + v * line[q]
            g = u * line[p + 1] + v * line[q + 1]
            r = u * line[p + 2] + v * line[q + 2]
            for k in range(p + 3, q, 3):
                b += share * line[k]
                g += share * line[k + 1]
                r += share * line[k + 2]
            target[x, 0] = np.uint8(b + half)
            target[x, 1] = np.uint8(g + half)
            target[x, 2] = np.uint8(r + half)


@njit(**OPTIONS)
def majority(words, width, codes, rows, columns, share, out):
    """Set a bit where it is set in enough of a cell's pixels.

    A pixel belongs to the cell that contains its centre.

    Args:
        words (ndarray): uint64, the (H, W) values of 8 bits in a row, eight in each;
            most are 0.
        width (int): W.
        codes (ndarray): uint8 (256,), value -> one of ``CODES``; 0 -> 0.
        rows, columns (ndarray): int64 (h + 1,), (w + 1,), first row and column of
            each cell.
        share (float): how much of a cell is enough.
        out (ndarray): uint8 (h, w), all 0; written: bits, or ``IGNORED``.

    Returns:
        Tuple[ndarray, bool]: int64 (n, 4), a row for each bit that is set in some
        pixels of a cell but not in enough: share (in 2 ** -20), y, x, bit; and
        whether an ``UNKNOWN`` value was found.
    """
    pixels = words.view(np.uint8)
    cell = np.empty(width, np.int64)
    for x in range(out.shape[1]):
        cell[columns[x] : columns[x + 1]] = x
    counts = np.zeros((out.shape[1], CODES), np.int64)
    latest = np.zeros(out.shape[1], np.uint8)
    of_bit = np.empty(len(LESIONS), np.int64)
    faint = np.empty((256, 4), np.int64)
    faints, unknown = 0, False
    for y in range(out.shape[0]):
        first, last = out.shape[1], -1
        for row in range(rows[y], rows[y + 1]):
            begin, end = row * width, (row + 1) * width
            for word in range(begin // 8, (end + 7) // 8):
                if words[word] == 0:
                    continue
                for k in range(max(begin, 8 * word), min(end, 8 * word + 8)):
                    if pixels[k] != 0:
                        x = cell[k - begin]
                        latest[x] = codes[pixels[k]]
                        counts[x, latest[x]] += 1
                        first, last = min(first, x), max(last, x)
        for x in range(first, last + 1):
            if latest[x] == 0:
                continue
            area = (rows[y + 1] - rows[y]) * (columns[x + 1] - columns[x])
            if latest[x] < IGNORED and counts[x, latest[x]] == area:
                out[y, x] = latest[x]
                counts[x, latest[x]] = 0
                latest[x] = 0
                continue
            of_bit[:] = 0
            for code in range(1, IGNORED):
                for bit in range(len(LESIONS)):
                    of_bit[bit] += counts[x, code] * (code >> bit & 1)
            for bit in range(len(LESIONS)):
                if of_bit[bit] >= share * area:
                    out[y, x] |= 1 << bit
                elif of_bit[bit] > 0:
                    if faints == len(faint):
                        faint = np.concatenate((faint, np.empty_like(faint)))
                    faint[faints, 0] = (of_bit[bit] << 20) // area
                    faint[faints, 1], faint[faints, 2] = y, x
                    faint[faints, 3] = bit
                    faints += 1
            if out[y, x] == 0 and counts[x, IGNORED] >= share * area:
                out[y, x] = IGNORED
            unknown = unknown or counts[x, UNKNOWN] > 0
            counts[x] = 0
            latest[x] = 0
    return faint[:faints], unknown


@njit(**OPTIONS)
def alone(faint, out):
    """Find the bits that are set neither in a cell nor in the eight around it.

    Args:
        faint (ndarray): int64 (n, 4), as :func:`majority` returns it.
        out (ndarray): uint8 (h, w), as there.

    Returns:
        ndarray: bool (n,).
    """
    height, width = out.shape
    result = np.empty(len(faint), np.bool_)
    for k in range(len(faint)):
        y, x, bit = faint[k, 1], faint[k, 2], faint[k, 3]
        around = 0
        for i in range(max(0, y - 1), min(height, y + 2)):
            for j in range(max(0, x - 1), min(width, x + 2)):
                around |= out[i, j]
        result[k] = around >> bit & 1 == 0
    return result


@njit(**OPTIONS)
def keep(faint, out):
    """Set each bit in turn that is :func:`alone`; arguments as there."""
    for k in range(len(faint)):
        if alone(faint[k : k + 1], out)[0]:
            y, x, bit = faint[k, 1], faint[k, 2], faint[k, 3]
            out[y, x] = out[y, x] % IGNORED | 1 << bit


@njit(**OPTIONS)
def translate(words, table):
    """Replace each value by that of a table.

    Args:
        words (ndarray): uint64, values of 8 bits, eight in each; most are 0; written.
        table (ndarray): uint8 (256,); 0 -> 0.
    """
    values = words.view(np.uint8)
    for word in range(len(words)):
        if words[word] != 0:
            for k in range(8 * word, 8 * word + 8):
                values[k] = table[values[k]]

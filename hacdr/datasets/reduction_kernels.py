"""Loops that reduce photographs and label maps, compiled by numba.

Cells are the pixels of the reduced picture: cell (y, x) covers the rectangle from
(y * fy, x * fx) to ((y + 1) * fy, (x + 1) * fx) of the original.
"""

import numpy as np
from numba import njit

OPTIONS = {
    'nogil': True,
    'cache': True,
    'error_model': 'numpy',
    'fastmath': {'reassoc', 'contract', 'nsz', 'arcp'},
}
# Pixels that are looked at together while nothing but background is found.
BLOCK = 64
# Of a map of bits: the highest is the share that is ignored, no lesion.
BITS, IGNORED = 8, 7
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
def majority(values, table, rows, columns, share, out):
    """Set a bit where it is set in enough of a cell's pixels.

    A pixel belongs to the cell that contains its centre.

    Args:
        values (ndarray): uint8 (H, W); most of it 0.
        table (ndarray): uint8 (256,), value -> bits; 0 -> 0.
        rows, columns (ndarray): int64 (h + 1,), (w + 1,), first row and column of
            each cell.
        share (float): how much of a cell is enough.
        out (ndarray): uint8 (h, w), all 0; written.

    Returns:
        Tuple[ndarray, int]: int64 (n, 4), a row for each bit that is set in some
        pixels of a cell but not in enough: share (in 2 ** -20), y, x, bit; and the
        bits that occur anywhere.
    """
    width = values.shape[1]
    cell = np.empty(width, np.int64)
    for x in range(out.shape[1]):
        cell[columns[x] : columns[x + 1]] = x
    counts = np.zeros((out.shape[1], BITS), np.int64)
    touched = np.empty(out.shape[1], np.int64)
    is_touched = np.zeros(out.shape[1], np.bool_)
    faint = np.empty((256, 4), np.int64)
    faints, seen = 0, 0
    for y in range(out.shape[0]):
        number = 0
        for row in range(rows[y], rows[y + 1]):
            line = values[row]
            for begin in range(0, width, BLOCK):
                end = min(begin + BLOCK, width)
                anything = np.uint8(0)
                for k in range(begin, end):
                    anything |= line[k]
                if anything == 0:
                    continue
                for k in range(begin, end):
                    if line[k] == 0:
                        continue
                    bits = table[line[k]]
                    seen |= bits
                    x = cell[k]
                    if not is_touched[x]:
                        is_touched[x] = True
                        touched[number] = x
                        number += 1
                    for bit in range(BITS):
                        counts[x, bit] += bits >> bit & 1
        for k in range(number):
            x = touched[k]
            area = (rows[y + 1] - rows[y]) * (columns[x + 1] - columns[x])
            for bit in range(BITS):
                count = counts[x, bit]
                if count == 0:
                    continue
                if count >= share * area:
                    out[y, x] |= 1 << bit
                else:
                    if faints == len(faint):
                        faint = np.concatenate((faint, np.empty_like(faint)))
                    faint[faints, 0] = (count << 20) // area
                    faint[faints, 1], faint[faints, 2] = y, x
                    faint[faints, 3] = bit
                    faints += 1
                counts[x, bit] = 0
            is_touched[x] = False
    return faint[:faints], seen


@njit(**OPTIONS)
def alone(faint, out):
    """Find the bits that are set neither in a cell nor in the eight around it.

    Args:
        faint (ndarray): int64 (n, 4), as :func:`majority` returns it.
        out (ndarray): uint8 (h, w), bits.

    Returns:
        ndarray: bool (n,).
    """
    height, width = out.shape
    result = np.empty(len(faint), np.bool_)
    for k in range(len(faint)):
        y, x, bit = faint[k, 1], faint[k, 2], faint[k, 3]
        around = np.uint8(0)
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
            out[faint[k, 1], faint[k, 2]] |= 1 << faint[k, 3]

"""Loops that reduce photographs and bit maps, compiled by numba.

The copy is the reduced image. Of an image of H x W pixels reduced to h x w, pixel
(y, x) of the copy covers the rectangle from (y * H / h, x * W / w) to ((y + 1) * H / h,
(x + 1) * W / w). Areas are counted in units of 1 / (h * w) pixels and so are whole
numbers: a pixel of the image has h * w of them and a pixel of the copy H * W.

A run is a row of equal pixels, as long as it can be: row, first column, one past the
last column.
"""

import numpy as np

from hacdr.jit import FAST, njit

# Rounding errors must not make a pixel of the copy end in one that it does not cover.
TINY = 1e-6


@njit(**FAST)
def average(photograph, top, left, fy, fx, out):
    """Average over what each pixel of the copy covers, pixels at its border by share.

    Args:
        photograph (ndarray): uint8 (H, W, 3).
        top, left (int): first row and column of the copy that are wanted.
        fy, fx (float): height and width that a pixel of the copy covers, at least 1.
        out (ndarray): uint8 (h, w, 3), written.
    """
    height, width, _ = photograph.shape
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
        # Rows are summed first: that loop is long, and the compiler uses vectors.
        source = photograph[i].reshape(-1)[3 * begin : 3 * end]
        weight = np.float32((min(stop, i + 1) - start) / fy)
        for k in range(size):
            line[k] = weight * np.float32(source[k])
        for row in range(i + 1, j + 1):
            source = photograph[row].reshape(-1)[3 * begin : 3 * end]
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


@njit(**FAST)
def find_runs(words, height, width):
    """Find the runs of every value but 0.

    Args:
        words (ndarray): uint64, the (H, W) values of 8 bits in a row, eight in each;
            most are 0.
        height, width (int): H and W.

    Returns:
        ndarray: int32 (n, 4), row, first, last, value; row by row, from the left.
    """
    pixels = words.view(np.uint8)
    runs = np.empty((1024, 4), np.int32)
    count = 0
    for row in range(height):
        begin, end = row * width, (row + 1) * width
        k = _skip_zeros(words, pixels, begin, end)
        while k < end:
            start, value = k, pixels[k]
            k = _skip_equal(words, pixels, k, end, value)
            if count == len(runs):
                runs = np.concatenate((runs, np.empty_like(runs)))
            runs[count, 0] = row
            runs[count, 1] = start - begin
            runs[count, 2] = k - begin
            runs[count, 3] = value
            count += 1
            k = _skip_zeros(words, pixels, k, end)
    return runs[:count]


@njit(**FAST)
def _skip_zeros(words, pixels, k, end):
    while k & 7 and k < end and pixels[k] == 0:
        k += 1
    if k & 7 == 0:
        word, last = k >> 3, end >> 3
        while word + 4 <= last and (
            words[word] | words[word + 1] | words[word + 2] | words[word + 3] == 0
        ):
            word += 4
        k = max(k, word << 3)
        while k < end and pixels[k] == 0:
            k += 1
    return k


@njit(**FAST)
def _skip_equal(words, pixels, k, end, value):
    eight = np.uint64(value) * np.uint64(0x0101010101010101)
    while k < end and pixels[k] == value:
        if k & 7 == 0 and k + 8 <= end and words[k >> 3] == eight:
            k += 8
        else:
            k += 1
    return k


@njit(**FAST)
def select_runs(runs, wanted):
    """Take the runs of some values, joined where they touch.

    Args:
        runs (ndarray): int32 (n, 4), as :func:`find_runs` returns them.
        wanted (ndarray): bool (256,), which values.

    Returns:
        ndarray: int32 (m, 3), row, first, last.
    """
    chosen = np.empty((len(runs), 3), np.int32)
    count = 0
    for i in range(len(runs)):
        if not wanted[runs[i, 3]]:
            continue
        before = count - 1
        if (
            count > 0
            and chosen[before, 0] == runs[i, 0]
            and chosen[before, 2] == runs[i, 1]
        ):
            chosen[before, 2] = runs[i, 2]
        else:
            chosen[count] = runs[i, :3]
            count += 1
    return chosen[:count]


@njit(**FAST)
def connect_runs(runs):
    """Find the components (8-connected) that runs of one lesion form.

    Args:
        runs (ndarray): int32 (n, 3), row by row, from the left.

    Returns:
        ndarray: int64 (n,), for each run the first one of its component.
    """
    first_of = np.arange(len(runs))
    above, above_end, begin = 0, 0, 0
    while begin < len(runs):
        row = runs[begin, 0]
        end = begin
        while end < len(runs) and runs[end, 0] == row:
            end += 1
        if above < above_end and runs[above, 0] == row - 1:
            for i in range(begin, end):
                while above < above_end and runs[above, 2] < runs[i, 1]:
                    above += 1
                j = above
                while j < above_end and runs[j, 1] <= runs[i, 2]:
                    a, b = _find_first(first_of, i), _find_first(first_of, j)
                    first_of[max(a, b)] = min(a, b)
                    j += 1
        above, above_end, begin = begin, end, end
    # None comes before the first run of its component.
    for i in range(len(runs)):
        first_of[i] = first_of[first_of[i]]
    return first_of


@njit(**FAST)
def _find_first(first_of, i):
    while first_of[i] != i:
        first_of[i] = first_of[first_of[i]]
        i = first_of[i]
    return i


@njit(**FAST)
def list_shares(runs, first_of, height, width, rows, columns):
    """List what each run shares with the pixels of the copy.

    Args:
        runs, first_of (ndarray): as :func:`connect_runs` has them.
        height, width (int): H and W.
        rows, columns (int): h and w.

    Returns:
        ndarray: int64 (n, 3), the first run of the component, index of the pixel in the
        flattened copy, shared area.
    """
    most = 0
    for i in range(len(runs)):
        # Each row of the image lies in one row of the copy or two.
        most += 2 * ((runs[i, 2] - runs[i, 1]) * columns // width + 2)
    shares = np.empty((most, 3), np.int64)
    count = 0
    for i in range(len(runs)):
        top, left = runs[i, 0] * rows, runs[i, 1] * columns
        bottom, right = top + rows, runs[i, 2] * columns
        for y in range(top // height, (bottom - 1) // height + 1):
            down = min(bottom, (y + 1) * height) - max(top, y * height)
            for x in range(left // width, (right - 1) // width + 1):
                across = min(right, (x + 1) * width) - max(left, x * width)
                shares[count, 0] = first_of[i]
                shares[count, 1] = y * columns + x
                shares[count, 2] = down * across
                count += 1
    return shares[:count]


@njit(**FAST)
def set_covered(shares, enough, cover, bit, out):
    """Set a bit where enough of a pixel of the copy is covered.

    Args:
        shares (ndarray): as :func:`list_shares` returns them.
        enough (int): of a pixel's area.
        cover (ndarray): uint32 (h * w,), all 0, before and after.
        bit (int): to be set.
        out (ndarray): uint8 (h * w,), written.

    Returns:
        ndarray: bool (n,), the shares of components that touch no pixel with the bit.
    """
    components = 0
    for i in range(len(shares)):
        cover[shares[i, 1]] += shares[i, 2]
        components = max(components, shares[i, 0] + 1)
    vanished = np.ones(components, np.bool_)
    for i in range(len(shares)):
        if cover[shares[i, 1]] >= enough:
            out[shares[i, 1]] |= bit
            vanished[shares[i, 0]] = False
    for i in range(len(shares)):
        cover[shares[i, 1]] = 0
    return vanished[shares[:, 0]]

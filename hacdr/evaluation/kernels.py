"""Loops over pixels and ranks, compiled by numba; they let go of the interpreter lock.

``truth`` holds a byte for each pixel: bit k is set where lesion k is, bit 7 where the
pixel does not count. ``histogram`` holds pixels without the lesion in row 0 and pixels
with it in row 1. See :mod:`hacdr.evaluation.histogram` for keys and bins.
"""

import numpy as np
from numba import njit

OPTIONS = {'nogil': True, 'cache': True, 'error_model': 'numpy'}
IGNORED_BIT = 128
HALF_KEY = int(np.float32(0.5).view(np.int32))
TOP_KEY = 2 * HALF_KEY
BIN_SHIFT = 9
BIN_ROUND = (1 << BIN_SHIFT) - 1
# Pixels whose best scores stay in the processor's nearest cache.
CHUNK = 4096


@njit(**OPTIONS)
def _key(score, bits, scratch, scratch_bits):
    if score <= np.float32(0.5):
        # The bits of -0 are negative.
        return max(bits, 0)
    scratch[0] = np.float32(1) - score
    return TOP_KEY - scratch_bits[0]


@njit(**OPTIONS)
def keys_of(scores, bits, keys):
    """Write the key of each score, all arrays one-dimensional; bits: scores' int32."""
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    for i in range(len(scores)):
        keys[i] = _key(scores[i], bits[i], scratch, scratch_bits)


@njit(**OPTIONS)
def count_scores(scores, bits, truth, lesion, histogram):
    """Count scores by bin.

    Args:
        scores, bits (ndarray): (N,), float32 and the same bytes as int32.
        truth (ndarray): uint8 (N,).
        lesion (int): the bit.
        histogram (ndarray): (2, bins), added to.

    Returns:
        int: the first pixel whose score is not in [0, 1], or -1.
    """
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    for i in range(len(scores)):
        if truth[i] & IGNORED_BIT:
            continue
        score = scores[i]
        # Written so that NaN fails too.
        if not (score >= np.float32(0) and score <= np.float32(1)):
            return i
        key = _key(score, bits[i], scratch, scratch_bits)
        histogram[(truth[i] >> lesion) & 1, (key + BIN_ROUND) >> BIN_SHIFT] += 1
    return -1


@njit(**OPTIONS)
def collect_keys(scores, bits, truth, lesion, wanted, keys, sizes):
    """Collect the keys of all pixels in some bins.

    Args:
        scores, bits, truth, lesion: as in :func:`count_scores`.
        wanted (ndarray): bool (2, bins), which bins.
        keys (ndarray): int32 (N',), written: from the front those of pixels without
            the lesion, from the back those with it.
        sizes (ndarray): (2,), how many of each, written.
    """
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    front, back = 0, len(keys)
    for i in range(len(scores)):
        if truth[i] & IGNORED_BIT:
            continue
        key = _key(scores[i], bits[i], scratch, scratch_bits)
        positive = (truth[i] >> lesion) & 1
        if wanted[positive, (key + BIN_ROUND) >> BIN_SHIFT]:
            if positive:
                back -= 1
                keys[back] = key
            else:
                keys[front] = key
                front += 1
    sizes[0], sizes[1] = front, len(keys) - back


@njit(**OPTIONS)
def group(keys, counts, relative, absolute, out_keys, out_counts):
    """Join neighbours in a list of scores that is sorted from the highest down.

    A cell of several neighbours holds at most ``min(relative * rank, absolute)``
    pixels, rank being the number of pixels down to its lower end. It is placed at one
    of its members: the one that leaves the fewest pixels on the wrong side.

    Args:
        keys, counts (ndarray): int (N,), falling keys and their pixels.
        relative, absolute (float): limits.
        out_keys, out_counts (ndarray): (N,), written.

    Returns:
        int: cells written.
    """
    cells = first = 0
    above = mass = 0
    for j in range(len(keys) + 1):
        end = j == len(keys)
        if not end:
            joined = mass + counts[j]
            if mass == 0 or joined <= min(relative * (above + joined), absolute):
                mass = joined
                continue
        if mass == 0:
            break
        place, best, until = first, mass, 0
        for k in range(first, j):
            until += counts[k]
            wrong = max(until, mass - until)
            if wrong <= best:
                place, best = k, wrong
        out_keys[cells], out_counts[cells] = keys[place], mass
        cells += 1
        above += mass
        if not end:
            first, mass = j, counts[j]
    return cells


@njit(**OPTIONS)
def count_labels(predicted, truth, counts):
    """Count what a label map hits.

    Args:
        predicted (ndarray): uint8 (N,), 0 for background, k + 1 for lesion k.
        truth (ndarray): uint8 (N,).
        counts (ndarray): int64 (3, lesions): pixels of each lesion predicted rightly,
            predicted at all, there; added to.

    Returns:
        int: pixels that count.
    """
    pixels = 0
    lesions = counts.shape[1]
    for i in range(len(predicted)):
        bits = truth[i]
        if bits & IGNORED_BIT:
            continue
        pixels += 1
        lesion = np.int64(predicted[i]) - 1
        if lesion < 0 and bits == 0:
            continue
        if lesion >= 0:
            counts[1, lesion] += 1
            counts[0, lesion] += (bits >> lesion) & 1
        for k in range(lesions):
            counts[2, k] += (bits >> k) & 1
    return pixels


@njit(**OPTIONS)
def most_probable(start, stop, planes, labels):
    """Write the class of the highest score, the first of equals.

    Args:
        start, stop (int): range of pixels.
        planes (ndarray): float32 (classes, N).
        labels (ndarray): uint8 (N,), written.
    """
    best = np.empty(CHUNK, planes.dtype)
    for a in range(start, stop, CHUNK):
        size = min(CHUNK, stop - a)
        for i in range(size):
            best[i] = planes[0, a + i]
            labels[a + i] = 0
        for k in range(1, len(planes)):
            for i in range(size):
                if planes[k, a + i] > best[i]:
                    best[i] = planes[k, a + i]
                    labels[a + i] = k

"""Loops over pixels and ranks, compiled by numba; they let go of the interpreter lock.

``ground_truth`` holds a byte for each pixel: bit k is set where lesion k is, bit 7
where the pixel does not count. ``histogram`` holds pixels with the lesion in row 0 and
pixels without it in row 1. See :mod:`hacdr.evaluation.histogram` for keys and bins.
"""

import numpy as np

from hacdr.jit import EXACT, njit
from hacdr.lesions import IGNORED_BIT

HALF_KEY = int(np.float32(0.5).view(np.int32))
TOP_KEY = 2 * HALF_KEY
BIN_SHIFT = 9
BIN_ROUND = (1 << BIN_SHIFT) - 1
# Pixels whose best scores stay in the processor's nearest cache.
CHUNK = 4096


@njit(**EXACT)
def _key(score, bits, scratch, scratch_bits):
    if score <= np.float32(0.5):
        # The bits of -0 are negative.
        return max(bits, 0)
    scratch[0] = np.float32(1) - score
    return TOP_KEY - scratch_bits[0]


@njit(**EXACT)
def keys_of(scores, bits, keys):
    """Write the key of each score, all arrays one-dimensional; bits: scores' int32."""
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    for i in range(len(scores)):
        keys[i] = _key(scores[i], bits[i], scratch, scratch_bits)


@njit(**EXACT)
def count_scores(scores, bits, ground_truth, lesion, histogram):
    """Count scores by bin.

    Args:
        scores, bits (ndarray): (N,), float32 and the same bytes as int32.
        ground_truth (ndarray): uint8 (N,).
        lesion (int): the bit.
        histogram (ndarray): (2, bins), added to.

    Returns:
        int: the first pixel whose score is not in [0, 1], or -1.
    """
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    for i in range(len(scores)):
        if ground_truth[i] & IGNORED_BIT:
            continue
        score = scores[i]
        # Written so that NaN fails too.
        if not (score >= np.float32(0) and score <= np.float32(1)):
            return i
        key = _key(score, bits[i], scratch, scratch_bits)
        row = 1 - ((ground_truth[i] >> lesion) & 1)
        histogram[row, (key + BIN_ROUND) >> BIN_SHIFT] += 1
    return -1


@njit(**EXACT)
def filled_bins(row, bins, counts):
    """Write the bins of a histogram's row that are not empty, falling, and counts.

    Returns:
        int: how many.
    """
    size = 0
    for k in range(len(row) - 1, -1, -1):
        if row[k]:
            bins[size], counts[size] = k, row[k]
            size += 1
    return size


@njit(**EXACT)
def collect_keys(scores, bits, ground_truth, lesion, wanted, lowest, keys, sizes):
    """Collect the keys of all pixels in some bins.

    Args:
        scores, bits, ground_truth, lesion: as in :func:`count_scores`.
        wanted (ndarray): bool (2, bins), which bins.
        lowest (ndarray): (2,), no wanted bin has keys below.
        keys (ndarray): int32 (N',), written: from the front those of pixels with the
            lesion, from the back those without it.
        sizes (ndarray): (2,), how many of each, written.
    """
    scratch = np.empty(1, np.float32)
    scratch_bits = scratch.view(np.int32)
    front, back = 0, len(keys)
    # Up to 0.5 a score's bits are its key; above they are greater than HALF_KEY. So
    # pixels below the lowest bin wanted are passed over without computing their key.
    least_positive, least_negative = min(lowest[0], HALF_KEY), min(lowest[1], HALF_KEY)
    for i in range(len(scores)):
        positive = (ground_truth[i] >> lesion) & 1
        least = least_positive if positive else least_negative
        if bits[i] < least or ground_truth[i] & IGNORED_BIT:
            continue
        key = _key(scores[i], bits[i], scratch, scratch_bits)
        if wanted[1 - positive, (key + BIN_ROUND) >> BIN_SHIFT]:
            if positive:
                keys[front] = key
                front += 1
            else:
                back -= 1
                keys[back] = key
    sizes[0], sizes[1] = front, len(keys) - back


@njit(**EXACT)
def merge(bins, counts, exact, lowest, highest, merged):
    """Merge whole bins and single values into one falling list.

    Args:
        bins, counts (ndarray): int (N,), falling bins and their pixels.
        exact (ndarray): int32 (M,), rising keys of single pixels in other bins.
        lowest, highest, merged (ndarray): (N + M,), the keys between which a member
            lies and its pixels, written.

    Returns:
        int: members written; equal keys are one.
    """
    size = i = 0
    j = len(exact) - 1
    while i < len(bins) or j >= 0:
        bottom = (bins[i] - 1 << BIN_SHIFT) + 1 if i < len(bins) else -BIN_ROUND
        if j >= 0 and exact[j] >= bottom:
            key, pixels = exact[j], 0
            while j >= 0 and exact[j] == key:
                pixels += 1
                j -= 1
            lowest[size], highest[size], merged[size] = key, key, pixels
        else:
            top = bins[i] << BIN_SHIFT
            # The bins at both ends hold one value each.
            ends = top == 0 or top == TOP_KEY
            lowest[size] = top if ends else bottom
            highest[size], merged[size] = top, counts[i]
            i += 1
        size += 1
    return size


@njit(**EXACT)
def group(keys, highest, counts, relative, absolute, out_keys, out_counts):
    """Join neighbours in a list of scores, from the highest down, to buckets.

    A bucket is placed behind one of its members: the one that leaves the fewest pixels
    on the wrong side of it. Those may be ``min(relative * rank, absolute)`` at most,
    rank being the number of pixels down to the bucket's first member; only a member
    alone may have more.

    Args:
        keys, highest (ndarray): int (N,), falling: the lowest and the highest key
            that the pixels of a neighbour may have.
        counts (ndarray): int (N,), their pixels.
        relative, absolute (float): limits.
        out_keys, out_counts (ndarray): (N,), written.

    Returns:
        int: buckets written.
    """
    buckets = first = above = 0
    while first < len(keys):
        limit = min(relative * (above + counts[first]), absolute)
        # Members up to place weigh until, all of them mass.
        place, until, mass, end = first, counts[first], counts[first], first + 1
        while end < len(keys):
            joined, split, before = mass + counts[end], place, until
            while split < end and before < joined - before:
                split += 1
                before += counts[split]
            if split > place and joined - before + counts[split] <= before:
                before -= counts[split]
                split -= 1
            if max(before, joined - before) > limit:
                break
            place, until, mass, end = split, before, joined, end + 1
        key = keys[place]
        if end - first > 1 and place + 1 < len(keys):
            key = _roundest(highest[place + 1], key)
        out_keys[buckets], out_counts[buckets] = key, mass
        buckets += 1
        above += mass
        first = end
    return buckets


@njit(**EXACT)
def _roundest(low, high):
    """Return the number in (low, high] that ends in most zeros: it packs best."""
    kept = ~np.int64(0)
    while high & (kept << 1) > low:
        kept <<= 1
    return high & kept


@njit(**EXACT)
def count_labels(predicted, ground_truth, counts):
    """Count what a label map hits.

    Args:
        predicted (ndarray): uint8 (N,), 0 for background, k + 1 for lesion k.
        ground_truth (ndarray): uint8 (N,).
        counts (ndarray): int64 (3, lesions): pixels of each lesion predicted rightly,
            predicted at all, there; added to.

    Returns:
        int: pixels that count.
    """
    pixels = 0
    lesions = counts.shape[1]
    for i in range(len(predicted)):
        bits = ground_truth[i]
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


@njit(**EXACT)
def most_probable(start, stop, planes, labels):
    """Write the class of the highest score, the first of equals.

    Args:
        start, stop (int): range of pixels.
        planes (ndarray): float32 (classes, N).
        labels (ndarray): uint8 (N,), written.
    """
    best = np.empty(CHUNK, planes.dtype)
    winner = np.empty(CHUNK, np.int32)
    for a in range(start, stop, CHUNK):
        size = min(CHUNK, stop - a)
        row = planes[0, a : a + size]
        for i in range(size):
            best[i], winner[i] = row[i], 0
        for k in range(1, len(planes)):
            row = planes[k, a : a + size]
            for i in range(size):
                # Without a jump, so that the processor's vectors are used.
                higher = row[i] > best[i]
                winner[i] = k if higher else winner[i]
                best[i] = row[i] if higher else best[i]
        for i in range(size):
            labels[a + i] = winner[i]

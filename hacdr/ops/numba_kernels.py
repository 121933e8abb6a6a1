"""Loops of the modulated deformable convolution, compiled by numba.

A sample at (y, x) is bilinear between its four corners; a corner outside the map reads
0, and a sample outside (-1, H) x (-1, W) is 0 and has no gradient. The comparison is
written so that offsets that are NaN or beyond any integer count as outside.

Each kernel works on one image and on a range [start, stop) of its outermost loop. It
lets go of the interpreter lock, so that a pool of threads shares the ranges. ``ys`` and
``xs`` hold the position of each tap without its offset, ``bounds`` is (-1, H, W): all
of one floating type, since numba computes float32 with an integer in float64.
K = kh * kw, N = Ho * Wo.
"""

import numpy as np

from hacdr.jit import FAST, njit

# Pixels whose intermediate results stay in the processor's nearest cache.
CHUNK = 512
# They are the rows of one array at constant distances: that alone proves to the
# compiler that they do not overlap, and it uses the processor's vectors.
X, P00, P01, P10, P11, S, M, ROWS = (k * CHUNK for k in range(1, 9))


@njit(**FAST)
def depthwise_forward(start, stop, x, offset, mask, weight, bias, ys, xs, bounds, out):
    """Depthwise convolution, one field of offsets for all channels.

    Args:
        start, stop (int): range of the Ho rows of the output.
        x (ndarray): (H, W, C).
        offset (ndarray): (2K, Ho, Wo).
        mask (ndarray): (K, Ho, Wo).
        weight (ndarray): (K, C).
        bias (ndarray): (C,).
        ys, xs (ndarray): (Ho, kh) and (Wo, kw).
        bounds (ndarray): (-1, H, W).
        out (ndarray): (Ho, Wo, C), written.
    """
    height, width, channels = x.shape
    low, high_y, high_x = bounds
    taps_x = xs.shape[1]
    zero = np.zeros(channels, x.dtype)
    for i in range(start, stop):
        for j in range(out.shape[1]):
            total = out[i, j]
            for c in range(channels):
                total[c] = bias[c]
            for t in range(weight.shape[0]):
                y = ys[i, t // taps_x] + offset[2 * t, i, j]
                xx = xs[j, t % taps_x] + offset[2 * t + 1, i, j]
                if not (y > low and xx > low and y < high_y and xx < high_x):
                    continue
                fy, fx = np.floor(y), np.floor(xx)
                y0, x0 = int(fy), int(fx)
                top, left = y0 >= 0, x0 >= 0
                bottom, right = y0 + 1 < height, x0 + 1 < width
                p00 = x[y0, x0] if top and left else zero
                p01 = x[y0, x0 + 1] if top and right else zero
                p10 = x[y0 + 1, x0] if bottom and left else zero
                p11 = x[y0 + 1, x0 + 1] if bottom and right else zero
                ly, lx, m = y - fy, xx - fx, mask[t, i, j]
                a01 = (m - ly * m) * lx
                a00 = (m - ly * m) - a01
                a11 = ly * m * lx
                a10 = ly * m - a11
                w = weight[t]
                for c in range(channels):
                    total[c] += w[c] * (
                        a00 * p00[c] + a01 * p01[c] + a10 * p10[c] + a11 * p11[c]
                    )


@njit(**FAST)
def depthwise_backward(
    start,
    stop,
    x,
    offset,
    mask,
    weight,
    ys,
    xs,
    bounds,
    grad,
    logits,
    goffset,
    gmask,
    gx,
    gw,
):
    """Gradients of :func:`depthwise_forward`.

    Args:
        start ... bounds: as there.
        grad (ndarray): gradient of the output, (Ho, Wo, C).
        logits (bool): gmask is the gradient of what the sigmoid made the mask from.
        goffset, gmask (ndarray): as offset and mask, written.
        gx (ndarray): (H, W, C), added to; one for each thread.
        gw (ndarray): (K, C), added to; one for each thread.
    """
    height, width, channels = x.shape
    low, high_y, high_x = bounds
    taps_x = xs.shape[1]
    zero = np.zeros(channels, x.dtype)
    waste = np.zeros(channels, x.dtype)
    for i in range(start, stop):
        for j in range(grad.shape[1]):
            g = grad[i, j]
            for t in range(weight.shape[0]):
                y = ys[i, t // taps_x] + offset[2 * t, i, j]
                xx = xs[j, t % taps_x] + offset[2 * t + 1, i, j]
                if not (y > low and xx > low and y < high_y and xx < high_x):
                    goffset[2 * t, i, j] = 0
                    goffset[2 * t + 1, i, j] = 0
                    gmask[t, i, j] = 0
                    continue
                fy, fx = np.floor(y), np.floor(xx)
                y0, x0 = int(fy), int(fx)
                top, left = y0 >= 0, x0 >= 0
                bottom, right = y0 + 1 < height, x0 + 1 < width
                p00 = x[y0, x0] if top and left else zero
                p01 = x[y0, x0 + 1] if top and right else zero
                p10 = x[y0 + 1, x0] if bottom and left else zero
                p11 = x[y0 + 1, x0 + 1] if bottom and right else zero
                q00 = gx[y0, x0] if top and left else waste
                q01 = gx[y0, x0 + 1] if top and right else waste
                q10 = gx[y0 + 1, x0] if bottom and left else waste
                q11 = gx[y0 + 1, x0 + 1] if bottom and right else waste
                ly, lx, m = y - fy, xx - fx, mask[t, i, j]
                a01 = (m - ly * m) * lx
                a00 = (m - ly * m) - a01
                a11 = ly * m * lx
                a10 = ly * m - a11
                w, gwt = weight[t], gw[t]
                d00 = d01 = d10 = d11 = m - m
                for c in range(channels):
                    s = g[c] * w[c]
                    d00 += s * p00[c]
                    d01 += s * p01[c]
                    d10 += s * p10[c]
                    d11 += s * p11[c]
                    gwt[c] += g[c] * (
                        a00 * p00[c] + a01 * p01[c] + a10 * p10[c] + a11 * p11[c]
                    )
                for c in range(channels):
                    s = g[c] * w[c]
                    q00[c] += a00 * s
                    q01[c] += a01 * s
                    q10[c] += a10 * s
                    q11[c] += a11 * s
                left_change, right_change = d10 - d00, d11 - d01
                top_change, bottom_change = d01 - d00, d11 - d10
                top_value = d00 + lx * top_change
                value = top_value + ly * (d10 + lx * bottom_change - top_value)
                gmask[t, i, j] = value * (m - m * m) if logits else value
                goffset[2 * t, i, j] = m * (
                    left_change + lx * (right_change - left_change)
                )
                goffset[2 * t + 1, i, j] = m * (
                    top_change + ly * (bottom_change - top_change)
                )


@njit(**FAST)
def _load(plane, padded):
    # One row and column of zeros before the plane, two behind it: no corner of a
    # sample needs a test. A sample outside is moved to (-1, -1), where it reads 0 and
    # its gradient is 0.
    height, width = plane.shape
    padded[:] = 0
    for i in range(height):
        row = padded[(i + 1) * (width + 3) + 1 :]
        for j in range(width):
            row[j] = plane[i, j]


@njit(**FAST)
def _locate(ys, dy, xs, dx, bounds, stride, corner, rows):
    # Where in a padded plane each sample's upper left corner is, and how far it lies
    # from there.
    low, high_y, high_x = bounds
    for n in range(len(dy)):
        rows[n] = ys[n] + dy[n]
    for n in range(len(dy)):
        rows[X + n] = xs[n] + dx[n]
    for n in range(len(dy)):
        y, x = rows[n], rows[X + n]
        inside = (y > low) & (x > low) & (y < high_y) & (x < high_x)
        y = y if inside else low
        x = x if inside else low
        fy, fx = np.floor(y), np.floor(x)
        rows[n], rows[X + n] = y - fy, x - fx
        corner[n] = (np.int32(fy) + 1) * stride + np.int32(fx) + 1


@njit(**FAST)
def _gather(padded, corner, count, stride, rows):
    one = np.uint32(1)
    for n in range(count):
        k = corner[n]
        rows[P00 + n], rows[P01 + n] = padded[k], padded[k + one]
        rows[P10 + n] = padded[k + stride]
        rows[P11 + n] = padded[k + stride + one]


@njit(**FAST)
def _scatter(padded, corner, count, stride, rows):
    one = np.uint32(1)
    for n in range(count):
        k = corner[n]
        padded[k] += rows[P00 + n]
        padded[k + one] += rows[P01 + n]
        padded[k + stride] += rows[P10 + n]
        padded[k + stride + one] += rows[P11 + n]


@njit(**FAST)
def sample_columns(start, stop, x, offset, mask, ys, xs, bounds, columns):
    """Sample one image for a convolution as a matrix product.

    Args:
        start, stop (int): range of the C channels.
        x (ndarray): (C, H, W).
        offset (ndarray): (G, K, 2, N), G groups of channels share offsets.
        mask (ndarray): (G, K, N).
        ys, xs (ndarray): (kh, N) and (kw, N).
        bounds (ndarray): (-1, H, W).
        columns (ndarray): (C, K, N), written.
    """
    channels, height, width = x.shape
    taps, pixels = columns.shape[1:]
    size, taps_x = channels // len(offset), len(xs)
    stride = np.uint32(width + 3)
    padded = np.empty((height + 3) * (width + 3), x.dtype)
    corner = np.empty(CHUNK, np.uint32)
    rows = np.empty(ROWS, x.dtype)
    for c in range(start, stop):
        _load(x[c], padded)
        for t in range(taps):
            dy, dx = offset[c // size, t]
            m = mask[c // size, t]
            out, y, xx = columns[c, t], ys[t // taps_x], xs[t % taps_x]
            for a in range(0, pixels, CHUNK):
                b = min(a + CHUNK, pixels)
                _locate(y[a:b], dy[a:b], xx[a:b], dx[a:b], bounds, stride, corner, rows)
                _gather(padded, corner, b - a, stride, rows)
                part, factor = out[a:b], m[a:b]
                for n in range(b - a):
                    p00, p10 = rows[P00 + n], rows[P10 + n]
                    upper = p00 + rows[X + n] * (rows[P01 + n] - p00)
                    lower = p10 + rows[X + n] * (rows[P11 + n] - p10)
                    part[n] = factor[n] * (upper + rows[n] * (lower - upper))


@njit(**FAST)
def columns_backward(
    start,
    stop,
    x,
    offset,
    mask,
    ys,
    xs,
    bounds,
    columns,
    logits,
    gx,
    goffset,
    gmask,
):
    """Gradients of :func:`sample_columns`, and once more its result.

    Args:
        start ... bounds: as there.
        columns (ndarray): (C, K, N), the gradient of the columns; replaced by the
            columns, which the gradient of the weight is made from.
        logits (bool): gmask is the gradient of what the sigmoid made the mask from.
        gx (ndarray): as x, written.
        goffset, gmask (ndarray): as offset and mask. A group's first channel in the
            range sets them, further ones add: a group divided between threads needs
            one of each for every thread.
    """
    channels, height, width = x.shape
    taps, pixels = columns.shape[1:]
    size, taps_x = channels // len(offset), len(xs)
    stride = np.uint32(width + 3)
    padded = np.empty((height + 3) * (width + 3), x.dtype)
    gpadded = np.empty_like(padded)
    corner = np.empty(CHUNK, np.uint32)
    rows = np.empty(ROWS, x.dtype)
    for c in range(start, stop):
        group = c // size
        first = c == start or c % size == 0
        _load(x[c], padded)
        gpadded[:] = 0
        for t in range(taps):
            dy, dx = offset[group, t]
            gdy, gdx = goffset[group, t]
            m, gm, column = mask[group, t], gmask[group, t], columns[c, t]
            y, xx = ys[t // taps_x], xs[t % taps_x]
            for a in range(0, pixels, CHUNK):
                b = min(a + CHUNK, pixels)
                _locate(y[a:b], dy[a:b], xx[a:b], dx[a:b], bounds, stride, corner, rows)
                _gather(padded, corner, b - a, stride, rows)
                _copy(column[a:b], rows[S:])
                _copy(m[a:b], rows[M:])
                _differentiate(b - a, logits, rows)
                _scatter(gpadded, corner, b - a, stride, rows)
                _copy(rows[S : S + b - a], column[a:b])
                if first:
                    _copy(rows[: b - a], gdy[a:b])
                    _copy(rows[X : X + b - a], gdx[a:b])
                    _copy(rows[M : M + b - a], gm[a:b])
                else:
                    _add(rows[: b - a], gdy[a:b])
                    _add(rows[X : X + b - a], gdx[a:b])
                    _add(rows[M : M + b - a], gm[a:b])
        for i in range(height):
            _copy(gpadded[(i + 1) * (width + 3) + 1 :][:width], gx[c, i])


@njit(**FAST)
def _differentiate(count, logits, rows):
    for n in range(count):
        y, x, s, m = rows[n], rows[X + n], rows[S + n], rows[M + n]
        p00, p01, p10, p11 = (
            rows[P00 + n],
            rows[P01 + n],
            rows[P10 + n],
            rows[P11 + n],
        )
        top_change, bottom_change = p01 - p00, p11 - p10
        upper = p00 + x * top_change
        change = p10 + x * bottom_change - upper
        value = upper + y * change
        sm = s * m
        rows[n] = sm * change
        rows[X + n] = sm * (top_change + y * (bottom_change - top_change))
        rows[S + n] = m * value
        rows[M + n] = s * value * ((m - m * m) if logits else (m - m + 1))
        lower_part = sm * y
        upper_part = sm - lower_part
        rows[P01 + n] = upper_part * x
        rows[P00 + n] = upper_part - upper_part * x
        rows[P11 + n] = lower_part * x
        rows[P10 + n] = lower_part - lower_part * x


@njit(**FAST)
def _copy(source, target):
    for n in range(len(source)):
        target[n] = source[n]


@njit(**FAST)
def _add(source, target):
    for n in range(len(source)):
        target[n] += source[n]

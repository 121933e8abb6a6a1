"""Loops of the modulated deformable convolution, compiled by numba.

A sample at (y, x) is bilinear between its four corners; a corner outside the map reads
0, and a sample outside (-1, H) x (-1, W) is 0 and has no gradient. The comparison is
written so that offsets that are NaN or beyond any integer count as outside.

Each kernel works on a range [start, stop) of its outermost loop and lets go of the
interpreter lock, so that a pool of threads shares the ranges. Coordinates come as
tables: ``ys`` (Ho, kh) and ``xs`` (Wo, kw) hold the position of each tap without its
offset. K = kh * kw.
"""

import numpy as np
from numba import njit

# Reordering sums is allowed, assuming that NaN and infinity do not occur is not.
OPTIONS = {
    'nogil': True,
    'cache': True,
    'error_model': 'numpy',
    'fastmath': {'reassoc', 'contract', 'nsz', 'arcp'},
}


@njit(**OPTIONS)
def depthwise_forward(start, stop, x, offset, mask, weight, bias, ys, xs, out):
    """Depthwise convolution, one field of offsets for all channels.

    Args:
        start, stop (int): range of the B * Ho rows of the output.
        x (ndarray): (B, H, W, C).
        offset (ndarray): (B, 2K, Ho, Wo).
        mask (ndarray): (B, K, Ho, Wo).
        weight (ndarray): (K, C).
        bias (ndarray): (C,).
        ys, xs (ndarray): see above.
        out (ndarray): (B, Ho, Wo, C), written.
    """
    height, width, channels = x.shape[1:]
    rows, columns = out.shape[1:3]
    taps_x = xs.shape[1]
    zero = np.zeros(channels, x.dtype)
    for row in range(start, stop):
        b, i = row // rows, row % rows
        for j in range(columns):
            total = out[b, i, j]
            for c in range(channels):
                total[c] = bias[c]
            for t in range(weight.shape[0]):
                y = ys[i, t // taps_x] + offset[b, 2 * t, i, j]
                xx = xs[j, t % taps_x] + offset[b, 2 * t + 1, i, j]
                if not (y > -1 and xx > -1 and y < height and xx < width):
                    continue
                fy, fx = np.floor(y), np.floor(xx)
                y0, x0 = int(fy), int(fx)
                top, left = y0 >= 0, x0 >= 0
                bottom, right = y0 + 1 < height, x0 + 1 < width
                p00 = x[b, y0, x0] if top and left else zero
                p01 = x[b, y0, x0 + 1] if top and right else zero
                p10 = x[b, y0 + 1, x0] if bottom and left else zero
                p11 = x[b, y0 + 1, x0 + 1] if bottom and right else zero
                ly, lx, m = y - fy, xx - fx, mask[b, t, i, j]
                a01 = (m - ly * m) * lx
                a00 = (m - ly * m) - a01
                a11 = ly * m * lx
                a10 = ly * m - a11
                w = weight[t]
                for c in range(channels):
                    total[c] += w[c] * (
                        a00 * p00[c] + a01 * p01[c] + a10 * p10[c] + a11 * p11[c]
                    )


@njit(**OPTIONS)
def depthwise_backward(
    start, stop, x, offset, mask, weight, ys, xs, grad, gx, gw, goffset, gmask
):
    """Gradients of :func:`depthwise_forward`.

    Args:
        start ... xs: as there.
        grad (ndarray): gradient of the output, (B, Ho, Wo, C).
        gx (ndarray): (B, H, W, C), added to; one for each thread.
        gw (ndarray): (K, C), added to; one for each thread.
        goffset, gmask (ndarray): as offset and mask, zero before, written.
    """
    height, width, channels = x.shape[1:]
    rows, columns = grad.shape[1:3]
    taps_x = xs.shape[1]
    zero = np.zeros(channels, x.dtype)
    waste = np.zeros(channels, x.dtype)
    for row in range(start, stop):
        b, i = row // rows, row % rows
        for j in range(columns):
            g = grad[b, i, j]
            for t in range(weight.shape[0]):
                y = ys[i, t // taps_x] + offset[b, 2 * t, i, j]
                xx = xs[j, t % taps_x] + offset[b, 2 * t + 1, i, j]
                if not (y > -1 and xx > -1 and y < height and xx < width):
                    continue
                fy, fx = np.floor(y), np.floor(xx)
                y0, x0 = int(fy), int(fx)
                top, left = y0 >= 0, x0 >= 0
                bottom, right = y0 + 1 < height, x0 + 1 < width
                p00 = x[b, y0, x0] if top and left else zero
                p01 = x[b, y0, x0 + 1] if top and right else zero
                p10 = x[b, y0 + 1, x0] if bottom and left else zero
                p11 = x[b, y0 + 1, x0 + 1] if bottom and right else zero
                q00 = gx[b, y0, x0] if top and left else waste
                q01 = gx[b, y0, x0 + 1] if top and right else waste
                q10 = gx[b, y0 + 1, x0] if bottom and left else waste
                q11 = gx[b, y0 + 1, x0 + 1] if bottom and right else waste
                ly, lx, m = y - fy, xx - fx, mask[b, t, i, j]
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
                bottom_value = d10 + lx * bottom_change
                gmask[b, t, i, j] = top_value + ly * (bottom_value - top_value)
                goffset[b, 2 * t, i, j] = m * (
                    left_change + lx * (right_change - left_change)
                )
                goffset[b, 2 * t + 1, i, j] = m * (
                    top_change + ly * (bottom_change - top_change)
                )


@njit(**OPTIONS)
def sample_columns(start, stop, x, offset, mask, ys, xs, deform_groups, columns):
    """Sample one image for a convolution as a matrix product.

    Args:
        start, stop (int): range of the C channels.
        x (ndarray): (C, H, W).
        offset (ndarray): (deform_groups * 2K, Ho, Wo).
        mask (ndarray): (deform_groups * K, Ho, Wo).
        ys, xs (ndarray): see above.
        deform_groups (int): groups of channels with offsets of their own.
        columns (ndarray): (C, K, Ho, Wo), written.
    """
    channels, height, width = x.shape
    taps, taps_x = columns.shape[1], xs.shape[1]
    for c in range(start, stop):
        plane, group = x[c], c // (channels // deform_groups)
        for t in range(taps):
            field = group * taps + t
            dy, dx = offset[2 * field], offset[2 * field + 1]
            m, out = mask[field], columns[c, t]
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    y = ys[i, t // taps_x] + dy[i, j]
                    xx = xs[j, t % taps_x] + dx[i, j]
                    if y > -1 and xx > -1 and y < height and xx < width:
                        fy, fx = np.floor(y), np.floor(xx)
                        y0, x0 = int(fy), int(fx)
                        ly, lx = y - fy, xx - fx
                        top, left = y0 >= 0, x0 >= 0
                        bottom, right = y0 + 1 < height, x0 + 1 < width
                        zero = ly - ly
                        p00 = plane[y0, x0] if top and left else zero
                        p01 = plane[y0, x0 + 1] if top and right else zero
                        p10 = plane[y0 + 1, x0] if bottom and left else zero
                        p11 = plane[y0 + 1, x0 + 1] if bottom and right else zero
                        upper = p00 + lx * (p01 - p00)
                        lower = p10 + lx * (p11 - p10)
                        out[i, j] = m[i, j] * (upper + ly * (lower - upper))
                    else:
                        out[i, j] = 0


@njit(**OPTIONS)
def columns_backward(
    start, stop, x, offset, mask, ys, xs, deform_groups, grad, gx, goffset, gmask
):
    """Gradients of :func:`sample_columns`.

    Args:
        start, stop (int): range of the deform groups.
        x ... deform_groups: as there.
        grad (ndarray): gradient of the columns, (C, K, Ho, Wo).
        gx, goffset, gmask (ndarray): as x, offset and mask, added to.
    """
    channels, height, width = x.shape
    taps, taps_x = grad.shape[1], xs.shape[1]
    size = channels // deform_groups
    for group in range(start, stop):
        for c in range(group * size, (group + 1) * size):
            plane, gplane = x[c], gx[c]
            for t in range(taps):
                field = group * taps + t
                dy, dx = offset[2 * field], offset[2 * field + 1]
                gdy, gdx = goffset[2 * field], goffset[2 * field + 1]
                m, gm, g = mask[field], gmask[field], grad[c, t]
                for i in range(g.shape[0]):
                    for j in range(g.shape[1]):
                        y = ys[i, t // taps_x] + dy[i, j]
                        xx = xs[j, t % taps_x] + dx[i, j]
                        if not (y > -1 and xx > -1 and y < height and xx < width):
                            continue
                        fy, fx = np.floor(y), np.floor(xx)
                        y0, x0 = int(fy), int(fx)
                        ly, lx = y - fy, xx - fx
                        s = g[i, j]
                        sm = s * m[i, j]
                        a11 = ly * lx
                        a01, a10 = lx - a11, ly - a11
                        a00 = 1 - ly - a01
                        p00 = p01 = p10 = p11 = s - s
                        if y0 >= 0:
                            if x0 >= 0:
                                p00 = plane[y0, x0]
                                gplane[y0, x0] += a00 * sm
                            if x0 + 1 < width:
                                p01 = plane[y0, x0 + 1]
                                gplane[y0, x0 + 1] += a01 * sm
                        if y0 + 1 < height:
                            if x0 >= 0:
                                p10 = plane[y0 + 1, x0]
                                gplane[y0 + 1, x0] += a10 * sm
                            if x0 + 1 < width:
                                p11 = plane[y0 + 1, x0 + 1]
                                gplane[y0 + 1, x0 + 1] += a11 * sm
                        upper = p00 + lx * (p01 - p00)
                        lower = p10 + lx * (p11 - p10)
                        gm[i, j] += s * (upper + ly * (lower - upper))
                        gdy[i, j] += sm * (lower - upper)
                        top_change, bottom_change = p01 - p00, p11 - p10
                        gdx[i, j] += sm * (
                            top_change + ly * (bottom_change - top_change)
                        )

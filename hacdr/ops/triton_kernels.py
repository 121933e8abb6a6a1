"""The loops of ``numba_kernels.py`` for GPUs, compiled by Triton.

A sample at (y, x) is bilinear between its four corners,

    s = (1-ly)(1-lx) v00 + (1-ly) lx v01 + ly (1-lx) v10 + ly lx v11,

where a corner outside the map reads 0; a sample outside (-1, H) x (-1, W) is 0 and has
no gradient. The comparison is written so that offsets that are NaN or beyond any
integer count as outside.

Every program takes some pixels of the output of one image. Its number counts tiles of
pixels first: programs that run side by side read the same lines of memory.
K = KH * KW taps, N = Ho * Wo pixels; tap k lies at (k // KW, k % KW).

``fields`` are (B, 3 * G * K, N): for each of G deform groups and each tap the offsets
in y and x, then for each group and tap the mask. They may be of any floating type and
lie plane by plane or pixel by pixel: ``field_step`` and ``pixel_step`` are the
distances of two fields and of two pixels. ``SIGMOID`` says that masks are read before
their sigmoid; their gradient is then the one before it too. ``REAL`` is the type of
coordinates and sums: float64 for x of float64, float32 for all else. Positions inside
an image (depthwise) or inside a map are int32, those of images and maps int64.

The gradient of x is a sum in memory, by atomic additions. Into a tensor of integers it
is the sum of the terms times ``scale``, rounded: integers add up to the same bits in
any order.
"""

import triton
import triton.language as tl

# Sizes that kernels are not compiled anew for.
ANY_VALUE = ['H', 'W', 'Wo']


@triton.jit
def _read_tap(
    offsets,
    masks,
    field,
    k,
    row,
    column,
    pixel,
    valid,
    H,
    W,
    field_step,
    pixel_step,
    KW: tl.constexpr,
    SY: tl.constexpr,
    SX: tl.constexpr,
    PY: tl.constexpr,
    PX: tl.constexpr,
    DY: tl.constexpr,
    DX: tl.constexpr,
    SIGMOID: tl.constexpr,
    REAL: tl.constexpr,
):
    """Return where tap k of some pixels reads, and how much it counts.

    Returns:
        tuple: inside or not, y and x of the upper left corner, the fractions ly and lx,
        the mask; each of the shape of ``pixel``.
    """
    at = pixel.to(tl.int64) * pixel_step
    y = tl.load(offsets + 2 * field + at, valid, 0.0).to(REAL)
    x = tl.load(offsets + 2 * field + field_step + at, valid, 0.0).to(REAL)
    m = tl.load(masks + field + at, valid, 0.0).to(REAL)
    if SIGMOID:
        m = tl.sigmoid(m)
    y += (row * SY - PY + (k // KW) * DY).to(REAL)
    x += (column * SX - PX + (k % KW) * DX).to(REAL)
    inside = valid & (y > -1) & (x > -1) & (y < H) & (x < W)
    y = tl.where(inside, y, 0.0)
    x = tl.where(inside, x, 0.0)
    top = tl.floor(y)
    left = tl.floor(x)
    return inside, top.to(tl.int32), left.to(tl.int32), y - top, x - left, m


@triton.jit
def _load_channels(x, held, WHOLE: tl.constexpr):
    """Load pixels x channels; WHOLE says that no channel lies beyond the last."""
    if WHOLE:
        return tl.load(x)
    return tl.load(x, held[None, :], 0.0)


@triton.jit
def _add(to, term, scale, here):
    """Add ``term`` to what lies at ``to`` where ``here`` says so."""
    if to.dtype.element_ty.is_int():
        term = tl.floor(term.to(tl.float64) * scale + 0.5)
    tl.atomic_add(to, term.to(to.dtype.element_ty), here, sem='relaxed')


@triton.jit(do_not_specialize=ANY_VALUE)
def depthwise_forward(
    x,
    fields,
    weight,
    bias,
    out,
    H,
    W,
    Wo,
    N,
    field_step,
    pixel_step,
    out_channel_step,
    out_pixel_step,
    C: tl.constexpr,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SY: tl.constexpr,
    SX: tl.constexpr,
    PY: tl.constexpr,
    PX: tl.constexpr,
    DY: tl.constexpr,
    DX: tl.constexpr,
    SIGMOID: tl.constexpr,
    REAL: tl.constexpr,
    SIDE: tl.constexpr,
    CHANNELS: tl.constexpr,
    WHOLE: tl.constexpr,
):
    """Depthwise convolution, one field of offsets for all channels.

    out[p, c] = bias[c] + sum over k of weight[c, k] * mask[k, p] * s[k, p, c].

    Args:
        x: (B, H + 2, W + 2, C), with a frame of zeros: every corner of a sample inside
            can be read.
        fields: see above, G = 1.
        weight: (C, K).
        bias: (C,) or None.
        out: (B, C, N) or (B, N, C), as its two steps say; written.

    A program sums a tile of SIDE x SIDE pixels, whose samples read mostly the same,
    and a block of ``CHANNELS`` channels; there are tiles x blocks x B.
    """
    across = tl.cdiv(Wo, SIDE)
    tiles = tl.cdiv(N // Wo, SIDE) * across
    blocks: tl.constexpr = (C + CHANNELS - 1) // CHANNELS
    program = tl.program_id(0)
    place = tl.arange(0, SIDE * SIDE)
    row = program % tiles // across * SIDE + place // SIDE
    column = program % tiles % across * SIDE + place % SIDE
    pixel = row * Wo + column
    valid = (column < Wo) & (pixel < N)
    channel = program // tiles % blocks * CHANNELS + tl.arange(0, CHANNELS)
    held = channel < C
    image = tl.cast(program // tiles // blocks, tl.int64)
    offsets = fields + image * N * (3 * KH * KW)
    masks = offsets + tl.cast(field_step, tl.int64) * (2 * KH * KW)
    plane = image * (H + 2) * (W + 2) * C + channel[None, :]
    total = tl.zeros((SIDE * SIDE, CHANNELS), REAL)
    for k in tl.range(0, KH * KW):
        field = tl.cast(k, tl.int64) * field_step
        inside, top, left, ly, lx, m = _read_tap(
            offsets,
            masks,
            field,
            k,
            row,
            column,
            pixel,
            valid,
            H,
            W,
            field_step,
            pixel_step,
            KW,
            SY,
            SX,
            PY,
            PX,
            DY,
            DX,
            SIGMOID,
            REAL,
        )
        m = tl.where(inside, m, 0.0)
        at = plane + (((top + 1) * (W + 2) + left + 1) * C)[:, None]
        sample = tl.zeros((SIDE * SIDE, CHANNELS), REAL)
        for corner in tl.static_range(4):
            share = (ly if corner // 2 else 1 - ly) * (lx if corner % 2 else 1 - lx)
            step = (corner // 2) * (W + 2) * C + (corner % 2) * C
            value = _load_channels(x + at + step, held, WHOLE).to(REAL)
            sample += (share * m)[:, None] * value
        factor = tl.load(weight + channel * (KH * KW) + k, held, 0.0).to(REAL)
        total += sample * factor[None, :]
    if bias is not None:
        total += tl.load(bias + channel, held, 0.0).to(REAL)[None, :]
    at = image * N * C + pixel.to(tl.int64)[:, None] * out_pixel_step
    at += channel.to(tl.int64)[None, :] * out_channel_step
    total = total.to(out.dtype.element_ty)
    tl.store(out + at, total, valid[:, None] & held[None, :])


@triton.jit(do_not_specialize=ANY_VALUE)
def depthwise_backward(
    x,
    fields,
    weight,
    grad,
    grad_x,
    grad_fields,
    sums,
    scale,
    H,
    W,
    Wo,
    N,
    field_step,
    pixel_step,
    block_step,
    C: tl.constexpr,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SY: tl.constexpr,
    SX: tl.constexpr,
    PY: tl.constexpr,
    PX: tl.constexpr,
    DY: tl.constexpr,
    DX: tl.constexpr,
    SIGMOID: tl.constexpr,
    REAL: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    WHOLE: tl.constexpr,
    TILES: tl.constexpr,
):
    """Gradients of a depthwise convolution, but for that of its bias.

    With h = grad * weight[k], summed over the channels of a pixel: the mask's is
    sum h s, the offsets' are mask * sum h ds/dy and mask * sum h ds/dx. grad_x gets
    h * mask * share at each corner. Summed over pixels, grad * mask * s is the gradient
    of weight[c, k].

    Args:
        grad: (B, N, C).
        grad_x: as x, zeros, added to.
        grad_fields: as fields, written; one for each block of channels, at distances
            of ``block_step``.
        sums: (B * chunks, K, C), written: what each chunk, ``TILES`` tiles, adds to
            the gradient of weight.
        scale: one float64 where grad_x holds integers, see above, else None.

    A program has one tap and one block of channels, so that its sums stay in registers;
    there are chunks x K x blocks x B.
    """
    chunks = tl.cdiv(N, PIXELS * TILES)
    blocks: tl.constexpr = (C + CHANNELS - 1) // CHANNELS
    program = tl.program_id(0)
    chunk = program % chunks
    k = program // chunks % (KH * KW)
    block = program // chunks // (KH * KW) % blocks
    image = tl.cast(program // chunks // (KH * KW) // blocks, tl.int64)
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    held = channel < C
    field = tl.cast(k, tl.int64) * field_step
    to_masks = tl.cast(field_step, tl.int64) * (2 * KH * KW)
    offsets = fields + image * N * (3 * KH * KW)
    masks = offsets + to_masks
    grad_offsets = grad_fields + image * N * (3 * KH * KW)
    grad_offsets += tl.cast(block, tl.int64) * block_step
    grad_masks = grad_offsets + to_masks
    plane = image * (H + 2) * (W + 2) * C + channel[None, :]
    factor = tl.load(weight + channel * (KH * KW) + k, held, 0.0).to(REAL)
    unit = 1.0
    if scale is not None:
        unit = tl.load(scale)
    total = tl.zeros((PIXELS, CHANNELS), REAL)
    for tile in range(TILES):
        pixel = (chunk * TILES + tile) * PIXELS + tl.arange(0, PIXELS)
        valid = pixel < N
        inside, top, left, ly, lx, m = _read_tap(
            offsets,
            masks,
            field,
            k,
            pixel // Wo,
            pixel % Wo,
            pixel,
            valid,
            H,
            W,
            field_step,
            pixel_step,
            KW,
            SY,
            SX,
            PY,
            PX,
            DY,
            DX,
            SIGMOID,
            REAL,
        )
        at = (image * N + pixel)[:, None] * C + channel[None, :]
        g = tl.load(grad + at, valid[:, None] & held[None, :], 0.0).to(REAL)
        h = g * factor[None, :]
        m = tl.where(inside, m, 0.0)
        here = inside[:, None] & held[None, :]
        corners = plane + (((top + 1) * (W + 2) + left + 1) * C)[:, None]
        sample = tl.zeros((PIXELS, CHANNELS), REAL)
        gy = tl.zeros((PIXELS,), REAL)
        gx = tl.zeros((PIXELS,), REAL)
        gm = tl.zeros((PIXELS,), REAL)
        for corner in tl.static_range(4):
            fy = ly if corner // 2 else 1 - ly
            fx = lx if corner % 2 else 1 - lx
            step = (corner // 2) * (W + 2) * C + (corner % 2) * C
            value = _load_channels(x + corners + step, held, WHOLE).to(REAL)
            share = (m * fy * fx)[:, None]
            sample += share * value
            _add(grad_x + corners + step, h * share, unit, here)
            # Of the channels, offsets and masks need this sum alone.
            dot = tl.sum(h * value, 1)
            gy += (fx if corner // 2 else -fx) * dot
            gx += (fy if corner % 2 else -fy) * dot
            gm += fy * fx * dot
        total += g * sample
        gm = tl.where(inside, gm, 0.0)
        if SIGMOID:
            gm *= m * (1 - m)
        at = field + pixel.to(tl.int64) * pixel_step
        dtype = grad_fields.dtype.element_ty
        tl.store(grad_offsets + field + at, (gy * m).to(dtype), valid)
        tl.store(grad_offsets + field + field_step + at, (gx * m).to(dtype), valid)
        tl.store(grad_masks + at, gm.to(dtype), valid)
    sums += ((image * chunks + chunk) * (KH * KW) + k) * C
    tl.store(sums + channel, tl.sum(total, 0), held)


@triton.jit(do_not_specialize=ANY_VALUE)
def sample_columns(
    x,
    fields,
    columns,
    C,
    G,
    H,
    W,
    Wo,
    N,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SY: tl.constexpr,
    SX: tl.constexpr,
    PY: tl.constexpr,
    PX: tl.constexpr,
    DY: tl.constexpr,
    DX: tl.constexpr,
    SIGMOID: tl.constexpr,
    REAL: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Samples times masks, which a matrix product makes any convolution of.

    columns[b, c, k, p] = mask[k, p] * s[k, p, c], with offsets and masks of the deform
    group of channel c.

    Args:
        x: (B, C, H, W).
        fields: see above, plane by plane.
        columns: (B, C, K, N), written.

    A program samples one tap for all CHANNELS = C / G channels of a deform group; there
    are tiles x K x G x B.
    """
    tiles = tl.cdiv(N, PIXELS)
    program = tl.program_id(0)
    pixel = program % tiles * PIXELS + tl.arange(0, PIXELS)
    valid = pixel < N
    k = program // tiles % (KH * KW)
    group = tl.cast(program // tiles // (KH * KW) % G, tl.int64)
    image = tl.cast(program // tiles // (KH * KW) // G, tl.int64)
    field = (group * (KH * KW) + k) * N
    offsets = fields + image * N * (3 * KH * KW) * G
    masks = offsets + tl.cast(N, tl.int64) * (2 * KH * KW) * G
    inside, top, left, ly, lx, m = _read_tap(
        offsets,
        masks,
        field,
        k,
        pixel // Wo,
        pixel % Wo,
        pixel,
        valid,
        H,
        W,
        N,
        1,
        KW,
        SY,
        SX,
        PY,
        PX,
        DY,
        DX,
        SIGMOID,
        REAL,
    )
    m = tl.where(inside, m, 0.0)
    for c in range(CHANNELS):
        channel = group * CHANNELS + c
        plane = x + (image * C + channel) * H * W
        sample = tl.zeros((PIXELS,), REAL)
        for corner in tl.static_range(4):
            cy = top + corner // 2
            cx = left + corner % 2
            share = (ly if corner // 2 else 1 - ly) * (lx if corner % 2 else 1 - lx)
            here = inside & (cy >= 0) & (cy < H) & (cx >= 0) & (cx < W)
            at = cy * W + cx
            sample += share * tl.load(plane + at, here, 0.0).to(REAL)
        row = columns + ((image * C + channel) * (KH * KW) + k) * N
        tl.store(row + pixel, (sample * m).to(columns.dtype.element_ty), valid)


@triton.jit(do_not_specialize=ANY_VALUE)
def columns_backward(
    x,
    fields,
    columns,
    grad_x,
    grad_fields,
    scale,
    C,
    G,
    H,
    W,
    Wo,
    N,
    map_step,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SY: tl.constexpr,
    SX: tl.constexpr,
    PY: tl.constexpr,
    PX: tl.constexpr,
    DY: tl.constexpr,
    DX: tl.constexpr,
    SIGMOID: tl.constexpr,
    REAL: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Gradients of :func:`sample_columns`, and the columns once more.

    With h = columns[b, c, k, p], summed over the channels of a deform group: the mask's
    is sum h s, the offsets' are mask * sum h ds/dy and mask * sum h ds/dx. The gradient
    of x gets h * mask * share at each corner.

    Two corners side by side are added at once, which must lie at an even place: those
    that begin in an odd column go to a map of their own, one column further right.
    The gradient of x is the sum of both maps, without their columns beyond the edges.

    Args:
        columns: (B, C, K, N), their gradient; written, the columns themselves.
        grad_x: (2, B, C, H, wide), zeros, added to; wide is W + 2 made even.
        map_step: B * C * H * wide.
        grad_fields: as fields, written.
        scale: one float64 where grad_x holds integers, see above, else None.
    """
    tiles = tl.cdiv(N, PIXELS)
    program = tl.program_id(0)
    pixel = program % tiles * PIXELS + tl.arange(0, PIXELS)
    valid = pixel < N
    k = program // tiles % (KH * KW)
    group = tl.cast(program // tiles // (KH * KW) % G, tl.int64)
    image = tl.cast(program // tiles // (KH * KW) // G, tl.int64)
    field = (group * (KH * KW) + k) * N
    to_masks = tl.cast(N, tl.int64) * (2 * KH * KW) * G
    offsets = fields + image * N * (3 * KH * KW) * G
    masks = offsets + to_masks
    inside, top, left, ly, lx, m = _read_tap(
        offsets,
        masks,
        field,
        k,
        pixel // Wo,
        pixel % Wo,
        pixel,
        valid,
        H,
        W,
        N,
        1,
        KW,
        SY,
        SX,
        PY,
        PX,
        DY,
        DX,
        SIGMOID,
        REAL,
    )
    m = tl.where(inside, m, 0.0)
    unit = 1.0
    if scale is not None:
        unit = tl.load(scale)
    wide = (W + 3) // 2 * 2
    odd = left & 1
    pair = tl.arange(0, 2)[None, :]
    gy = tl.zeros((PIXELS,), REAL)
    gx = tl.zeros((PIXELS,), REAL)
    gm = tl.zeros((PIXELS,), REAL)
    for c in range(CHANNELS):
        channel = group * CHANNELS + c
        row = columns + ((image * C + channel) * (KH * KW) + k) * N
        h = tl.load(row + pixel, valid, 0.0).to(REAL)
        plane = (image * C + channel) * H * W
        first_plane = (image * C + channel) * H * wide
        sample = tl.zeros((PIXELS,), REAL)
        for below in tl.static_range(2):
            cy = top + below
            fy = ly if below else 1 - ly
            there = inside & (cy >= 0) & (cy < H)
            for right in tl.static_range(2):
                cx = left + right
                fx = lx if right else 1 - lx
                here = there & (cx >= 0) & (cx < W)
                at = plane + (cy * W + cx)
                value = tl.load(x + at, here, 0.0).to(REAL)
                sample += fy * fx * value
                gy += h * (fx if below else -fx) * value
                gx += h * (fy if right else -fy) * value
            shares = tl.where(pair == 0, 1 - lx[:, None], lx[:, None])
            to = first_plane + odd * map_step + (cy * wide + left + odd)
            to = tl.multiple_of(to, 2)[:, None] + pair
            _add(grad_x + to, (h * m * fy)[:, None] * shares, unit, there[:, None])
        gm += h * sample
        tl.store(row + pixel, (sample * m).to(columns.dtype.element_ty), valid)
    gm = tl.where(inside, gm, 0.0)
    if SIGMOID:
        gm *= m * (1 - m)
    grad_offsets = grad_fields + image * N * (3 * KH * KW) * G
    at = field + pixel
    dtype = grad_fields.dtype.element_ty
    tl.store(grad_offsets + field + at, (gy * m).to(dtype), valid)
    tl.store(grad_offsets + field + N + at, (gx * m).to(dtype), valid)
    tl.store(grad_offsets + to_masks + at, gm.to(dtype), valid)

"""From an eye, its vessels and its lesions to pixels.

Smooth things (light, choroid, disc, fovea) are evaluated at the photograph's
own pixels; thin and small ones (vessels, lesions) are drawn several times
finer and averaged, so that a microaneurysm of a few pixels keeps its area.
Blood, in vessels as in lesions, is one absorbing dye: intensity is multiplied
by exp(-density * absorption).
"""

import cv2
import numpy as np
from scipy.special import expit

from hacdr.lesions import LESIONS

# Lines and lesions are drawn on a grid about this wide before averaging.
_FINE_WIDTH = 2880


def paint(rng, eye, vessels, spots, size):
    """Render one photograph and its masks.

    Args:
        rng (numpy.random.Generator): for texture and sensor noise.
        eye (Eye): the eye.
        vessels (list[Vessel]): its vessels.
        spots (list[Spot]): its lesions and look-alikes.
        size (tuple[int]): width, height in pixels.

    Returns:
        tuple: photograph, uint8 (height, width, 3) RGB; masks, dict of bool
        (height, width) by lesion code.
    """
    width, height = size
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = ((np.arange(height, dtype=np.float32) + 0.5) / width)[:, None]
    layers, masks = _spot_layers(spots, size)
    vein, artery, reflex = _vessel_layers(vessels, size)

    image = _fundus(rng, eye, x, y, size)
    _blend(image, layers['drusen'], eye.colour * (1.25, 1.55, 1.3))
    _blend(image, _disc_alpha(eye, x, y), eye.disc_colour)
    _blend(image, 0.9 * _cup_alpha(eye, x, y), np.minimum(eye.disc_colour * 1.3, 262))
    image *= np.exp(-layers['pigment'][..., None] * np.float32([0.7, 1.0, 0.6]))
    _blend(image, layers['EX'], eye.exudate)

    vessel, lesion = np.maximum(vein, 0.72 * artery), layers['blood']
    # Half of the fainter one shows through, so that neither hides in the other.
    dye = np.maximum(vessel, lesion) + 0.5 * np.minimum(vessel, lesion)
    dye *= 1 - 0.45 * reflex
    image *= np.exp(-dye[..., None] * eye.blood.astype(np.float32))
    image[..., 0] *= 1 + 0.1 * artery
    _blend(image, 0.06 * reflex, np.array([255, 190, 150]))
    _blend(image, layers['SE'], eye.cotton)

    image = _camera(rng, eye, image, x, y, size)
    field = _field(eye, x, y, width) > 0.5
    return image, {code: mask & field for code, mask in masks.items()}


def _blend(image, alpha, colour):
    """Mix ``colour`` into ``image`` in place; alpha is (height, width)."""
    image += alpha[..., None] * (np.asarray(colour, np.float32) - image)


def _noise(rng, cells, size):
    """Smooth noise, about unit deviation, whose pattern is the same at any size."""
    width, height = size
    grid = rng.standard_normal((max(3, cells * 3 // 4) + 2, cells + 2))
    grid = cv2.resize(
        grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    return grid * 1.2


def _bump(x, y, centre, sigma):
    """Gaussian of height 1, separable, so cheap."""
    return np.exp(-0.5 * ((x - centre[0]) / sigma) ** 2) * np.exp(
        -0.5 * ((y - centre[1]) / sigma) ** 2
    )


def _fundus(rng, eye, x, y, size):
    """Background: colour, light, macula, choroid; float32 (height, width, 3)."""
    centre_x, centre_y, radius = eye.field
    from_centre = ((x - centre_x) ** 2 + (y - centre_y) ** 2) / radius**2
    light_x, light_y, fall = eye.light
    from_light = ((x - light_x) ** 2 + (y - light_y) ** 2) / radius**2
    shade = 0.16 - 0.13 * fall * from_light - 0.17 * from_centre**3
    shade = shade + 0.05 * _noise(rng, 4, size) + 0.012 * _noise(rng, 24, size)

    disc_glow = _bump(x, y, eye.disc, 0.1)
    macula = _bump(x, y, eye.fovea, 0.042)
    yellow_spot = _bump(x, y, eye.fovea, 0.1)
    hue = 0.035 * _noise(rng, 5, size) + 0.012 * _noise(rng, 30, size)
    edge = np.clip((from_centre - 0.35) / 0.65, 0, 1)

    # Choroidal vessels show as a net of orange bands, more towards the edge.
    net = np.exp(-2.5 * np.abs(_noise(rng, 34, size))) - 0.3
    net += 0.6 * (np.exp(-2.5 * np.abs(_noise(rng, 60, size))) - 0.3)
    where = np.clip(0.4 + 0.8 * _noise(rng, 4, size) + 0.5 * edge, 0, 1.2)
    net *= where * (1 - yellow_spot) * eye.tessellation
    fine = _noise(rng, 150, size)

    image = np.empty((*shade.shape, 3), np.float32)
    terms = zip(
        eye.colour, (0.15, 0.28, 0.25), (0.1, 0.30, 0.35), (-0.35, 1, 1.2),
        (0.075, 0.14, 0.1), (0.008, 0.013, 0.02), (0.05, 0.20, 0.2), eye.rim,
    )  # fmt: skip
    for channel, (base, dark, spot, tint, band, grain, glow, rim) in enumerate(terms):
        log = shade - dark * macula - 0.55 * spot * yellow_spot + tint * hue
        log += band * net + grain * fine + glow * disc_glow + np.log(rim) * edge
        image[..., channel] = base * np.exp(log)
    return image


def _disc_alpha(eye, x, y):
    radius = eye.disc[2]
    distance = np.hypot((x - eye.disc[0]) * 1.06, y - eye.disc[1]) / radius
    return 0.92 * expit((1 - distance) / 0.045)


def _cup_alpha(eye, x, y):
    radius = eye.disc[2]
    centre_x = eye.disc[0] + 0.14 * eye.temporal * radius
    distance = np.hypot(x - centre_x, y - eye.disc[1]) / radius
    return expit((0.45 - distance) / 0.11)


def _fine_factor(width):
    return max(1, int(np.ceil(_FINE_WIDTH / width)))


def _vessel_layers(vessels, size):
    """Density of veins, of arteries, and the light reflex along their middle.

    Returns:
        tuple: three float32 (height, width), 0 to about 1.
    """
    width, height = size
    factor = _fine_factor(width)
    scale = width * factor
    canvas = np.zeros((3, height * factor, width * factor), np.uint8)
    strokes = []
    for vessel in vessels:
        pixels = np.round(vessel.points * scale * 16).astype(np.int32)
        for first in range(0, len(pixels) - 1, 5):
            part = slice(first, first + 6)
            strokes.append((vessel.widths[part].mean(), vessel.artery, pixels[part]))
    # Thin ones first: where vessels meet, the larger one is on top.
    strokes.sort(key=lambda stroke: stroke[0])
    for calibre, artery, line in strokes:
        thickness = calibre * scale
        density = 235 * (0.25 + 0.75 * (1 - np.exp(-calibre / 0.0028)))
        density *= min(1.0, thickness)
        thick = max(1, round(thickness))
        cv2.polylines(canvas[int(artery)], [line], False, density, thick, 8, 4)
        if calibre > 0.0022:
            shine = 255 if artery else 150
            thick = max(1, round(thickness * 0.3))
            cv2.polylines(canvas[2], [line], False, shine, thick, 8, 4)
    soft = 0.0007 * width
    layers = []
    for layer in canvas:
        layer = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
        layer = layer.astype(np.float32) / 255
        layers.append(cv2.GaussianBlur(layer, (0, 0), soft) if soft > 0.3 else layer)
    return layers


def _spot_layers(spots, size):
    """Paint all spots.

    Returns:
        tuple: layers, dict of float32 (height, width): 'blood' (density) and
        'pigment' (density), 'EX', 'SE', 'drusen' (alpha); masks, dict of bool
        (height, width) by lesion code: pixels at least half inside an outline.
    """
    width, height = size
    names = ('blood', 'pigment', 'EX', 'SE', 'drusen')
    layers = {name: np.zeros((height, width), np.float32) for name in names}
    masks = {code: np.zeros((height, width), bool) for code in LESIONS}
    for spot in spots:
        part, paint_, inside = _rasterize(spot, size)
        if part is None:
            continue
        name = 'blood' if spot.kind in ('MA', 'HE') else spot.kind
        layer = layers[name][part]
        if name in ('blood', 'pigment'):
            np.maximum(layer, paint_, out=layer)
        else:
            layer += (1 - layer) * paint_
        if spot.kind in masks:
            masks[spot.kind][part] |= inside >= 0.5
    return layers, masks


def _rasterize(spot, size):
    """Draw one spot on a fine grid and average it down to pixels.

    Returns:
        tuple: the pixels touched as a pair of slices (None if outside), the
        visible strength there, and the share of each pixel inside the outline.
    """
    width, height = size
    reach = spot.radius * np.sqrt(spot.stretch) * 1.35 * (1 + spot.softness)
    low = np.floor((spot.centre - reach) * width).astype(int)
    high = np.ceil((spot.centre + reach) * width).astype(int)
    low, high = np.maximum(low, 0), np.minimum(high, (width, height))
    if (low >= high).any():
        return None, None, None
    # A large spot needs no finer grid than about a hundred steps across.
    pixels = spot.radius * width
    factor = int(np.clip(np.ceil(24 / pixels), 1, 8))
    x = (np.arange(low[0] * factor, high[0] * factor) + 0.5) / (factor * width)
    y = (np.arange(low[1] * factor, high[1] * factor) + 0.5) / (factor * width)
    x = (x - spot.centre[0]).astype(np.float32)
    y = (y - spot.centre[1]).astype(np.float32)[:, None]
    # In float64 they would carry everything below along, and remap wants float32.
    cos, sin = np.float32(np.cos(spot.angle)), np.float32(np.sin(spot.angle))
    along = (cos * x + sin * y) / np.float32(np.sqrt(spot.stretch))
    across = (cos * y - sin * x) * np.float32(np.sqrt(spot.stretch))
    distance = np.sqrt(along * along + across * across) / np.float32(spot.radius)
    if len(spot.waves):
        turn = np.arctan2(across, along)
        outline = np.ones_like(turn)
        for order, amplitude, phase in spot.waves:
            outline += np.float32(amplitude) * np.cos(
                np.float32(order) * turn + np.float32(phase)
            )
        # Divided by its root mean square the outline keeps the spot's area.
        area = np.sqrt(1 + 0.5 * (spot.waves[:, 1] ** 2).sum())
        distance /= np.maximum(outline, 0.25) / np.float32(area)
    if spot.grain:
        ripple = np.float32(spot.grain) * _ripple(spot, along, across)
        distance += np.float32(0.25) * ripple
    edge = (1 - distance / np.float32(spot.extent)) / np.float32(spot.softness)
    visible = np.clip(edge + np.float32(0.5), 0, 1)
    visible *= visible * (3 - 2 * visible)
    if spot.grain:
        visible *= 0.75 - 0.4 * ripple
    inside = (distance < 1).astype(np.float32)
    shape = (high - low)[::-1]
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    return (
        part,
        np.float32(spot.strength) * _average(visible, shape, factor),
        _average(inside, shape, factor),
    )


def _ripple(spot, along, across):
    """Unevenness from -1 to 1: streaks along flames, clumps in other spots."""
    rng = np.random.default_rng(spot.seed)
    # Clumps do not grow with the lesion: a large one has more of them.
    cells = np.clip(spot.radius / 0.0009, 4, 12)
    flame = spot.kind == 'HE' and spot.stretch > 2
    grid = rng.uniform(-1.2, 1.2, (48, 48)).astype(np.float32)
    middle, scale = np.float32(24), np.float32(cells / spot.radius / 2)
    return cv2.remap(
        grid,
        middle + along * scale * np.float32(0.2 if flame else 1),
        middle + across * scale,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )


def _average(fine, shape, factor):
    if factor == 1:
        return fine
    return fine.reshape(shape[0], factor, shape[1], factor).mean((1, 3))


def _field(eye, x, y, width):
    """The field of view, 1 inside, 0 outside, with the camera's two teeth."""
    centre_x, centre_y, radius = eye.field
    distance = np.hypot(x - centre_x, y - centre_y)
    # The camera marks "up" by two small teeth at the upper right.
    angle = np.arctan2(centre_y - y, x - centre_x)
    teeth = 1 - np.minimum(np.abs(angle - 0.556), np.abs(angle - 0.482)) / 0.037
    edge = radius + 0.012 * teeth.clip(0, 1)
    return np.clip((edge - distance) * width / 1.5 + 0.5, 0, 1).astype(np.float32)


def _camera(rng, eye, image, x, y, size):
    """Haze, defocus, reflexes, dust, sensor noise and the field's edge; uint8."""
    width, height = size
    haze = eye.haze * (1 + 0.35 * _noise(rng, 3, size)).clip(0, 2)
    _blend(image, 0.6 * haze, eye.colour * (1.05, 1.08, 1.15))
    if eye.defocus * width > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), eye.defocus * width)
    for _ in range(rng.poisson(1.2)):
        # Dust on the lens: a pale, out-of-focus round spot.
        place = rng.uniform((0.1, 0.05), (0.85, eye.aspect - 0.05))
        bump = _bump(x, y, place, rng.uniform(0.002, 0.012))
        image *= 1 + (rng.uniform(-0.1, 0.14) * bump)[..., None]
    if rng.random() < 0.12:
        # A reflex of the lid or the lens along the edge of the field.
        side = eye.field[0] + rng.choice((-1, 1)) * eye.field[2]
        glow = _bump(x, y, (side, rng.uniform(0, eye.aspect)), rng.uniform(0.02, 0.06))
        _blend(image, 0.5 * glow, eye.colour * (1.15, 1.35, 1.6))
    image *= (_field(eye, x, y, width) * 0.985)[..., None]
    image += rng.uniform(0, 2.2)
    # Sensors read one colour a pixel and interpolate: their noise is not white.
    shape = (height, width, 3)
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * rng.uniform(0.9, 2.3)
    image += noise * np.sqrt(image.clip(1) / 100)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)

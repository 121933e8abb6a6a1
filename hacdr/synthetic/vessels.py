"""Retinal vessels: arteries and veins that leave the disc, branch and taper."""

from dataclasses import dataclass

import numpy as np

# Where the large vessels leave the disc, in degrees from the direction of the
# fovea (upwards positive), and the direction they settle in.
_ARCADES = ((72, -14), (-72, 14), (118, 148), (-118, -148))
_STEP = 0.004
_THINNEST = 0.0009
_ARCADE_CLEARANCE = 0.11


@dataclass(frozen=True)
class Vessel:
    """One vessel from its mouth to its end, in widths of the photograph.

    Attributes:
        points (ndarray): (N, 2) x, y along the vessel.
        widths (ndarray): (N,) calibre at each point.
        artery (bool): arteries are brighter and have the stronger light reflex.
    """

    points: np.ndarray
    widths: np.ndarray
    artery: bool


def draw_vessels(rng, eye):
    """Draw all vessels of an eye.

    Args:
        rng (numpy.random.Generator): source of chance.
        eye (Eye): where disc and fovea lie.

    Returns:
        list[Vessel]: parents before their branches.
    """
    vessels = []
    tortuosity = rng.uniform(0.07, 0.2)
    for artery in (False, True):
        for start, end in _ARCADES:
            start = start + rng.normal(0, 9)
            width = rng.normal(0.0078, 0.0009) * (0.78 if artery else 1)
            if abs(start) > 90:
                width *= 0.8
            _grow(
                rng, eye, vessels, artery, _mouth(rng, eye), np.radians(start),
                np.radians(end + rng.normal(0, 8)), width, 0, tortuosity,
            )  # fmt: skip
        for _ in range(rng.integers(3, 6)):
            # Small vessels that leave the disc by themselves; towards the fovea
            # they stay thin.
            angle = rng.uniform(-180, 180)
            width = rng.uniform(0.0016, 0.0026 if abs(angle) < 50 else 0.0036)
            _grow(
                rng, eye, vessels, artery, _mouth(rng, eye), np.radians(angle),
                np.radians(angle * rng.uniform(0.75, 1.0)), width, 2, tortuosity,
            )  # fmt: skip
    return vessels


def _mouth(rng, eye):
    return np.array(eye.disc[:2]) + rng.normal(0, 0.14, 2) * eye.disc[2]


def _grow(rng, eye, vessels, artery, start, angle, settle, width, level, tortuosity):
    """Append one vessel and, recursively, its branches.

    Angles are in radians from the direction of the fovea, upwards positive:
    the vessel leaves at ``angle`` and turns exponentially to ``settle``.
    """
    count = int((0.95 if level == 0 else 62 * width + 0.03) / _STEP)
    along = np.arange(count) * _STEP
    bend = 0.24 if level == 0 else 0.09
    wiggle = np.zeros(count)
    for wavelength in (0.33, 0.12, 0.045):
        phase = rng.uniform(0, 2 * np.pi)
        swing = tortuosity * rng.normal() * (1 if level else 0.6)
        wave = np.sin(2 * np.pi * along / (wavelength * rng.uniform(0.7, 1.4)) + phase)
        wiggle += swing * (wave - wave[0])
    while True:
        heading = settle + (angle - settle) * np.exp(-along / bend) + wiggle
        move = np.stack([eye.temporal * np.cos(heading), -np.sin(heading)], axis=1)
        points = start + _STEP * (np.cumsum(move, axis=0) - move[0])
        near = eye.from_fovea(points).min() < _ARCADE_CLEARANCE
        if level > 0 or not near or abs(settle) > np.pi / 2:
            break
        # The arcades go round the macula: turn this one outwards.
        settle += np.copysign(np.radians(6), angle)
    widths = width * (1 - 0.62 * along / along[-1])

    # Outside the field nothing is seen; nothing of the tree enters the fovea.
    ends = ~eye.in_field(points, margin=-0.03)
    ends |= eye.from_fovea(points) < rng.uniform(0.028, 0.05)
    if ends.any():
        count = int(np.argmax(ends))
        points, widths, heading = points[:count], widths[:count], heading[:count]
    if count < 4:
        return
    vessels.append(Vessel(points, widths, artery))
    if level == 3:
        return

    gap = (0.06, 0.14) if level == 0 else (0.035, 0.1)
    place = rng.uniform(0.05, 0.1) if level == 0 else rng.uniform(*gap)
    side = rng.choice((-1, 1))
    while place < count * _STEP:
        index = int(place / _STEP)
        child = widths[index] * rng.uniform(0.35, 0.72)
        place += rng.uniform(*gap)
        side = -side if rng.random() < 0.7 else side
        if child < _THINNEST:
            continue
        turn = side * rng.uniform(0.45, 1.05)
        _grow(
            rng, eye, vessels, artery, points[index], heading[index] + turn,
            heading[index] + turn * rng.uniform(-0.3, 0.8), child, level + 1,
            tortuosity * 1.35,
        )  # fmt: skip

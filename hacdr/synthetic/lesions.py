"""The four lesions and what is easily taken for one.

Numbers and areas follow the 54 training photographs of IDRiD, counted at
4288x2848 (8-connected components of the experts' masks):

====  ========================  ===============================
code  components in an image    area at 5/25/50/75/95 %, pixels
====  ========================  ===============================
EX    7526 in 54                47/105/218/548/2260
HE    1365 in 53                304/737/1485/3615/13669
SE    112 in 26                 2329/4745/8490/12310/32513
MA    2412 in 54                80/148/235/377/682
====  ========================  ===============================
"""

from dataclasses import dataclass

import numpy as np

_IDRID_WIDTH = 4288


@dataclass(frozen=True)
class Spot:
    """One lesion or look-alike, in widths of the photograph.

    The outline is r(t) = radius * (1 + sum_k a_k cos(k t + p_k)), stretched by
    ``stretch`` along ``angle`` at equal area.

    Attributes:
        kind (str): 'MA', 'HE', 'EX', 'SE', or a look-alike: 'drusen', 'pigment'.
        centre (ndarray): (2,) x, y.
        radius (float): of the circle with the area of the expert's outline.
        stretch (float): long axis / short axis.
        angle (float): direction of the long axis in radians.
        waves (ndarray): (K, 3) k, a_k, p_k.
        strength (float): how visible it is, 1 is a marked one.
        softness (float): width of the edge as a share of the radius.
        grain (float): 0 is smooth and evenly filled, 1 is ragged and mottled, or
            streaky where it is stretched like a flame.
        extent (float): the lesion's own extent as a share of that outline: experts
            draw around a lesion rather than through it.
        seed (int): of the grain.
    """

    kind: str
    centre: np.ndarray
    radius: float
    stretch: float
    angle: float
    waves: np.ndarray
    strength: float
    softness: float
    grain: float
    extent: float
    seed: int


def draw_lesions(rng, eye, vessels, soft_exudates):
    """Draw the lesions and the look-alikes of one eye.

    Args:
        rng (numpy.random.Generator): source of chance.
        eye (Eye): where things lie, and how ill it is.
        vessels (list[Vessel]): look-alikes sit on their crossings.
        soft_exudates (bool): whether this eye has any.

    Returns:
        list[Spot]: in the order they are painted.
    """
    spots = _hard_exudates(rng, eye)
    if soft_exudates:
        spots += _soft_exudates(rng, eye)
    # One of IDRiD's 54 photographs has no haemorrhage.
    if rng.random() > 0.02:
        spots += _haemorrhages(rng, eye)
    spots += _microaneurysms(rng, eye)
    # Drawn last, for they depend on the vessels and lesions should not.
    return _lookalikes(rng, eye, vessels) + spots


def _log_normal(rng, median, sigma, low, high):
    return float(np.clip(median * np.exp(rng.normal(0, sigma)), low, high))


def _radius(area):
    """Radius in widths of a circle of ``area`` pixels at 4288x2848."""
    return np.sqrt(area / np.pi) / _IDRID_WIDTH


def _waves(rng, roughness, orders):
    """Harmonics of an outline; ``roughness`` is about its relative deviation."""
    orders = np.arange(2, 2 + orders)
    size = roughness * rng.normal(size=len(orders)) / (orders - 1) ** 0.8
    return np.stack([orders, size, rng.uniform(0, 2 * np.pi, len(orders))], axis=1)


def _place(rng, eye, margin, spread=None, centre=None):
    """A place inside the visible field and off the disc."""
    centre_x, centre_y, radius = eye.field
    for _ in range(100):
        if spread is None:
            point = rng.uniform(
                (centre_x - radius, max(0, centre_y - radius)),
                (centre_x + radius, min(eye.aspect, centre_y + radius)),
            )
        else:
            point = centre + rng.normal(0, 1, 2) * spread
        if eye.in_field(point, margin) and eye.from_disc(point) > eye.disc[2] * 1.25:
            return point
    return np.array(eye.fovea)


def _along_fibres(eye, point):
    """Direction of the nerve fibres: away from the disc, arched round the fovea."""
    away = np.arctan2(point[1] - eye.disc[1], point[0] - eye.disc[0])
    side = np.sign(point[1] - eye.fovea[1]) * eye.temporal
    reach = np.clip((point[0] - eye.disc[0]) * eye.temporal / 0.3, 0, 1)
    return away - side * 0.35 * reach


def _spot(rng, kind, centre, area, **looks):
    looks = {
        'stretch': 1.0,
        'angle': rng.uniform(0, np.pi),
        'waves': np.zeros((0, 3)),
        'softness': 0.25,
        'grain': 0.0,
        'extent': 1.0,
        **looks,
    }
    seed = int(rng.integers(2**31))
    return Spot(kind, np.asarray(centre), _radius(area), seed=seed, **looks)


def _microaneurysms(rng, eye):
    count = int(_log_normal(rng, 34 * eye.severity, 0.6, 2, 150))
    hearts = [_place(rng, eye, 0.03) for _ in range(4)] + [np.array(eye.fovea)]
    spots = []
    for _ in range(count):
        near = hearts[rng.integers(len(hearts))] if rng.random() < 0.6 else None
        spots.append(
            _spot(
                rng,
                'MA',
                _place(rng, eye, 0.012, 0.07, near) if near is not None
                else _place(rng, eye, 0.012),
                _log_normal(rng, 235, 0.65, 40, 1500),
                stretch=rng.uniform(1, 1.35),
                waves=_waves(rng, 0.06, 3),
                strength=_log_normal(rng, 0.25, 0.42, 0.12, 0.8),
                softness=rng.uniform(0.3, 0.7),
                extent=rng.uniform(0.8, 1.05),
            )
        )  # fmt: skip
    return spots


def _haemorrhages(rng, eye):
    count = int(_log_normal(rng, 22 * eye.severity, 0.55, 1, 100))
    hearts = [_place(rng, eye, 0.05) for _ in range(3)]
    spots = []
    for _ in range(count):
        area = _log_normal(rng, 1550, 1.18, 150, 60000)
        if rng.random() < 0.02:
            area = rng.uniform(20000, 140000)
        heart = hearts[rng.integers(3)] if rng.random() < 0.55 else None
        margin = 0.012 + _radius(area)
        centre = (
            _place(rng, eye, margin)
            if heart is None
            else _place(rng, eye, margin, 0.08, heart)
        )
        common = {
            'strength': _log_normal(rng, 0.25, 0.38, 0.12, 0.8)
            * (1 + 0.35 * np.log10(max(area, 500) / 1500)),
            'extent': rng.uniform(0.85, 1.02),
        }
        if rng.random() < 0.3 and eye.from_disc(centre) < 0.32:
            looks = {
                'stretch': rng.uniform(2, 4.5),
                'angle': _along_fibres(eye, centre) + rng.normal(0, 0.1),
                'waves': _waves(rng, 0.12, 6),
                'softness': rng.uniform(0.25, 0.6),
                'grain': rng.uniform(0.25, 0.6),
            }
        elif area < 1200:
            looks = {
                'stretch': rng.uniform(1, 1.7),
                'waves': _waves(rng, 0.12, 5),
                'softness': rng.uniform(0.3, 0.7),
            }
        else:
            looks = {
                'stretch': rng.uniform(1, 2.0),
                'waves': _waves(rng, 0.2, 9),
                'softness': rng.uniform(0.25, 0.6),
                'grain': rng.uniform(0.15, 0.45),
            }
        spots.append(_spot(rng, 'HE', centre, area, **common, **looks))
    return spots


def _hard_exudates(rng, eye):
    left = int(_log_normal(rng, 125 * eye.severity, 0.85, 8, 600))
    macula = np.array(eye.fovea)
    spots = []
    while left > 0:
        size = min(left, int(_log_normal(rng, 24, 0.7, 3, 120)))
        left -= size
        near_macula = rng.random() < 0.65
        heart = (
            _place(rng, eye, 0.05, 0.09, macula)
            if near_macula
            else _place(rng, eye, 0.05)
        )
        places = _cluster(rng, eye, heart, size)
        bright = _log_normal(rng, 0.3, 0.45, 0.1, 1.0)
        plaque = 1.7 if rng.random() < 0.12 else 1.0
        for point in places:
            area = plaque * _log_normal(rng, 235, 1.12, 30, 14000)
            if plaque > 1 and rng.random() < 0.04:
                area = rng.uniform(8000, 60000)
            spots.append(
                _spot(
                    rng,
                    'EX',
                    point,
                    area,
                    stretch=rng.uniform(1, 2.2 if area < 4000 else 1.4),
                    waves=_waves(rng, 0.19, 8 if area > 400 else 4),
                    strength=np.clip(
                        bright
                        * _log_normal(rng, 0.7, 0.35, 0.2, 1.4)
                        * (area / 250) ** 0.3,
                        0.1,
                        1,
                    ),
                    softness=rng.uniform(0.12, 0.35),
                    grain=rng.uniform(0.2, 0.9),
                    extent=rng.uniform(0.75, 1.0),
                )
            )
    return spots


def _cluster(rng, eye, heart, size):
    """Places of one cluster: a circinate ring, a macular star or a loose heap."""
    shape = rng.choice(('ring', 'star', 'heap'), p=(0.35, 0.15, 0.5))
    radius = rng.uniform(0.035, 0.095)
    start, arc = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 2 * np.pi)
    points = []
    for _ in range(size):
        for _ in range(20):
            if shape == 'ring':
                angle = start + arc * rng.random()
                reach = radius * rng.normal(1, 0.14)
                point = heart + reach * np.array([np.cos(angle), np.sin(angle)])
            elif shape == 'star':
                angle = start + (2 * np.pi / 11) * rng.integers(11) * arc / 6.3
                angle += rng.normal(0, 0.05)
                reach = radius * rng.uniform(0.35, 1.3)
                point = np.array(eye.fovea) + reach * np.array(
                    [np.cos(angle), np.sin(angle)]
                )
            else:
                # Two scales: heaps of heaps.
                point = heart + rng.standard_t(3, 2) * radius * 0.35
            if points and rng.random() < 0.35:
                point = points[rng.integers(len(points))] + rng.normal(0, 0.009, 2)
            if eye.in_field(point, 0.01) and eye.from_disc(point) > eye.disc[2] * 1.15:
                points.append(point)
                break
    return points


def _soft_exudates(rng, eye):
    count = int(_log_normal(rng, 4.3, 0.6, 1, 14))
    spots = []
    for _ in range(count):
        centre = _place(rng, eye, 0.025, 0.17, np.array(eye.disc[:2]))
        spots.append(
            _spot(
                rng,
                'SE',
                centre,
                _log_normal(rng, 8300, 0.72, 1500, 45000),
                stretch=rng.uniform(1.0, 2.1),
                angle=_along_fibres(eye, centre) + np.pi / 2 + rng.normal(0, 0.5),
                waves=_waves(rng, 0.16, 5),
                strength=_log_normal(rng, 0.5, 0.45, 0.2, 0.95),
                softness=rng.uniform(0.4, 0.9),
                grain=rng.uniform(0.1, 0.3),
                extent=rng.uniform(0.85, 1.05),
            )
        )
    return spots


def _lookalikes(rng, eye, vessels):
    """Not lesions, and in no mask: drusen, pigment, dark spots on vessels."""
    spots = []
    if rng.random() < 0.45:
        heart = _place(rng, eye, 0.05, 0.1, np.array(eye.fovea))
        for _ in range(rng.integers(4, 40)):
            spots.append(
                _spot(
                    rng,
                    'drusen',
                    _place(rng, eye, 0.015, 0.08, heart),
                    _log_normal(rng, 300, 0.6, 60, 2500),
                    stretch=rng.uniform(1, 1.4),
                    strength=rng.uniform(0.1, 0.3),
                    softness=rng.uniform(0.8, 1.5),
                )
            )
    for _ in range(rng.poisson(9)):
        spots.append(
            _spot(
                rng,
                'pigment',
                _place(rng, eye, 0.015),
                _log_normal(rng, 2500, 0.9, 250, 20000),
                stretch=rng.uniform(1, 1.8),
                waves=_waves(rng, 0.15, 4),
                strength=rng.uniform(0.05, 0.16),
                softness=rng.uniform(0.9, 1.6),
            )
        )
    for _ in range(rng.poisson(7)):
        vessel = vessels[rng.integers(len(vessels))]
        index = rng.integers(len(vessel.points))
        if not eye.in_field(vessel.points[index], 0.01):
            continue
        width = max(vessel.widths[index], 0.0014)
        area = np.pi * (width * _IDRID_WIDTH * rng.uniform(0.55, 0.8)) ** 2
        spots.append(
            _spot(
                rng,
                'pigment',
                vessel.points[index],
                area,
                stretch=rng.uniform(1, 1.6),
                strength=rng.uniform(0.12, 0.3),
                softness=rng.uniform(0.4, 0.9),
            )
        )
    return spots

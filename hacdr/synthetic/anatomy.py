"""Who is photographed and how: field of view, disc, fovea, colours, light.

Everything is measured in widths of the photograph (x to the right, y down), so
that one eye can be rendered at any size. IDRiD's photographs are 4288 pixels
wide: 0.001 is about four of its pixels.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Eye:
    """What the other parts need to know about one eye and its photograph.

    Attributes:
        aspect (float): height of the photograph / its width.
        field (tuple[float]): centre x, centre y and radius of the field of view.
        disc (tuple[float]): centre x, centre y and radius of the optic disc.
        fovea (tuple[float]): x, y.
        temporal (int): +1 where the fovea lies to the right of the disc, else -1.
        colour (ndarray): (3,) RGB of the fundus in the middle of the field.
        blood (ndarray): (3,) RGB absorption of blood at full density.
        exudate (ndarray): (3,) RGB of a thick hard exudate.
        cotton (ndarray): (3,) RGB of a thick soft exudate.
        disc_colour (ndarray): (3,) RGB of the disc's rim.
        light (tuple[float]): brightest point x, y, and how fast light falls off.
        rim (ndarray): (3,) multiplies the colour at the edge of the field.
        tessellation (float): visibility of the choroidal vessels, 0 to 1.
        defocus (float): standard deviation of the blur.
        haze (float): share of veiling light, 0 is a clear medium.
        severity (float): multiplies the number of lesions, median 1.
    """

    aspect: float
    field: tuple
    disc: tuple
    fovea: tuple
    temporal: int
    colour: np.ndarray
    blood: np.ndarray
    exudate: np.ndarray
    cotton: np.ndarray
    disc_colour: np.ndarray
    light: tuple
    rim: np.ndarray
    tessellation: float
    defocus: float
    haze: float
    severity: float

    def in_field(self, points, margin=0.0):
        """Whether points (..., 2) lie inside the visible field, shrunk by margin."""
        x, y = points[..., 0], points[..., 1]
        centre_x, centre_y, radius = self.field
        inside = np.hypot(x - centre_x, y - centre_y) < radius - margin
        return inside & (y > margin) & (y < self.aspect - margin)

    def from_disc(self, points):
        """Distance of points (..., 2) to the centre of the disc."""
        return np.hypot(points[..., 0] - self.disc[0], points[..., 1] - self.disc[1])

    def from_fovea(self, points):
        """Distance of points (..., 2) to the fovea."""
        return np.hypot(points[..., 0] - self.fovea[0], points[..., 1] - self.fovea[1])


def draw_eye(rng, aspect):
    """Draw an eye and the way it was photographed.

    Field, disc and colour follow what IDRiD's 54 training photographs show: a
    field of 0.80 widths (now and then wider), five of six fundi orange with
    hardly any blue, the others pink.

    Args:
        rng (numpy.random.Generator): source of chance.
        aspect (float): height / width of the photograph.

    Returns:
        Eye
    """
    radius = rng.uniform(0.425, 0.44) if rng.random() < 0.07 else 0.399
    field = (
        rng.normal(0.4635, 0.002),
        aspect * rng.normal(0.493, 0.008),
        radius * rng.normal(1, 0.002),
    )
    temporal = 1 if rng.random() < 0.5 else -1
    to_fovea = rng.uniform(0.27, 0.315)
    centred_on_disc = rng.random() < 0.08
    offset = rng.normal(0.02, 0.05) if centred_on_disc else rng.normal(0.245, 0.022)
    disc_x = field[0] - temporal * offset
    disc_y = field[1] + rng.normal(-0.005, 0.02)
    fovea = (disc_x + temporal * to_fovea, disc_y + rng.normal(0.035, 0.018))

    value = rng.normal(0, 1)
    if rng.random() < 0.84:
        red = 166 + 21 * value
        green = red * rng.normal(0.46, 0.04)
        blue = rng.uniform(1, 21)
    else:
        red = 178 + 18 * value
        green = red * rng.normal(0.565, 0.02)
        blue = red * rng.uniform(0.26, 0.44)
    colour = np.clip([red, green, blue], [105, 38, 1], [228, 122, 85])
    # A sensor whose blue channel is empty shows neither white nor pale: what
    # is white on the retina comes out as yellow as the fundus allows.
    whiteness = np.clip(colour[2] / 70, 0.04, 1)
    gain = (colour[0] / 170) ** 0.6
    exudate = gain * np.array([238, 200, 18 + 130 * whiteness])
    cotton = gain * np.array([205, 168, 25 + 115 * whiteness])
    disc_colour = (
        np.array([255, 162 + 38 * whiteness, 25 + 110 * whiteness])
        * (colour[0] / 170) ** 0.4
    )
    return Eye(
        aspect=aspect,
        field=field,
        disc=(disc_x, disc_y, rng.uniform(0.048, 0.06)),
        fovea=fovea,
        temporal=temporal,
        colour=colour,
        blood=np.array([0.22, 0.80, 0.32]) * rng.uniform(0.85, 1.15),
        exudate=exudate,
        cotton=cotton,
        disc_colour=disc_colour,
        light=(
            field[0] - temporal * rng.normal(0.05, 0.09),
            field[1] + rng.normal(0, 0.06),
            rng.uniform(0.8, 2.2),
        ),
        rim=1 + rng.normal(0, 1) * np.array([-0.02, 0.05, 0.09]),
        tessellation=rng.beta(1.1, 2.2),
        defocus=rng.gamma(3.0, 0.00016),
        haze=rng.beta(1.2, 9),
        severity=float(np.exp(rng.normal(0, 0.4))),
    )

"""Eyes, brows, nose, mouth, ears and glasses as flat shapes on the face, back to front.

Each shape is a polygon or a line in the face's own x and y; `head.View` lifts it onto the surface,
so it turns and foreshortens with the head. Skin is one flat colour here: light, texture and beard
come later, pixel by pixel, which lets a patch of skin hide what lies below it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data_prep.faces.portrait.chance import stream
from data_prep.faces.portrait.factors import Colour, Conditions, Identity
from data_prep.faces.portrait.head import mouth_middle, nose_tip

_T = np.linspace(-1, 1, 17)
_CIRCLE = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_WHITE = np.array([226.0, 220.0, 214.0])


@dataclass(frozen=True)
class Shape:
    """A polygon, or an open line where `width` is positive.

    Attributes:
        xy: [n, 2], on the face.
        colour: sRGB, 0 to 255.
        width: of the line, units.
        above: distance from the face's surface, units.
    """

    xy: np.ndarray
    colour: np.ndarray | Colour
    width: float = 0.0
    above: float = 0.0


def features(who: Identity, how: Conditions) -> list[Shape]:
    """All shapes on a face, in the order in which they are painted."""
    shapes = [*_marks(who), *_nose(who, how), *_mouth(who, how)]
    for side in (-1, 1):
        shapes += [*_eye(who, how, side), *_brow(who, how, side)]
    if how.glasses:
        shapes += _glasses(who, how)
    return shapes


def lenses(who: Identity, how: Conditions) -> list[np.ndarray]:
    """Outlines [n, 2] of the two glasses."""
    size = how.glasses_size
    return [
        _oval(side * max(who.eye_spacing, size + 0.03), who.eye_height + 0.03, size, size * 0.78, 3)
        for side in (-1, 1)
    ]


def landmark_points(who: Identity, how: Conditions) -> np.ndarray:
    """The five landmarks [5, 2] on the face: eyes, tip of the nose, corners of the mouth."""
    _, seam = _mouth_line(who, how)
    half = _mouth_half(who, how)
    return np.array(
        [
            (-who.eye_spacing, who.eye_height),
            (who.eye_spacing, who.eye_height),
            (0.0, nose_tip(who)),
            (-half, seam[0]),
            (half, seam[-1]),
        ]
    )


def _marks(who: Identity) -> Iterator[Shape]:
    rng = stream(who.marks, 1)
    for _ in range(who.freckles):
        x, y = rng.normal(0, 0.28), who.eye_height + 0.25 + rng.normal(0, 0.12)
        yield Shape(_oval(x, y, 0.011, 0.011)[::2], _times(who.skin, 0.84, 0.75, 0.68))
    for _ in range(who.moles):
        x, y = rng.uniform(-0.45, 0.45), rng.uniform(-0.3, 0.8)
        size = rng.uniform(0.014, 0.026)
        yield Shape(_oval(x, y, size, size), _times(who.skin, 0.42, 0.34, 0.32))


def _eye(who: Identity, how: Conditions, side: int) -> Iterator[Shape]:
    x = side * (who.eye_spacing + who.eye_width * _T)
    bend = 1 - _T**2
    axis = who.eye_height - who.eye_tilt * who.eye_width * _T
    opening = who.eye_opening * how.eyelid
    # What an eyelid does not open, a smile closes from below.
    upper = axis - 1.15 * opening * bend**0.75
    lower = axis + opening * (0.85 - 0.3 * max(how.smile, 0)) * bend
    yield Shape(_band(x, upper, lower), 0.86 * _WHITE + 0.14 * np.array(who.skin))

    look_x = side * who.eye_spacing + 0.45 * who.eye_width * how.gaze_x
    look_y = who.eye_height + 0.5 * opening * how.gaze_y
    size = who.iris_size
    yield Shape(_oval(look_x, look_y, size, size), _times(who.iris, 0.45, 0.45, 0.45))
    yield Shape(_oval(look_x, look_y, size * 0.84, size * 0.84), who.iris)
    yield Shape(_oval(look_x, look_y, size * 0.42, size * 0.42), (12, 10, 10))
    glint = np.sign(how.light_side) * 0.4 * size
    yield Shape(_oval(look_x + glint, look_y - 0.4 * size, 0.2 * size, 0.2 * size), (250, 250, 250))

    # Patches of skin hide what of the iris lies beyond the lids.
    fold = who.lid + 0.02
    hidden = 2 * size * bend**0.5
    yield Shape(_band(x, upper - hidden, upper), who.skin)
    yield Shape(_band(x, lower, lower + hidden), who.skin)
    yield Shape(_band(x, upper - fold * bend**0.6, upper), _times(who.skin, 0.88, 0.83, 0.82))
    crease = np.column_stack([x, upper - fold * bend**0.6])
    yield Shape(crease, _times(who.skin, 0.68, 0.6, 0.58), width=0.014)
    bag = np.column_stack([x, lower + 0.055 * bend])[3:-3]
    yield Shape(bag, _times(who.skin, 0.88, 0.84, 0.83), width=0.012)
    yield Shape(np.column_stack([x, lower]), _times(who.skin, 0.62, 0.52, 0.5), width=0.011)
    yield Shape(np.column_stack([x, upper]), _times(who.hair, 0.35, 0.3, 0.3), width=0.024)


def _brow(who: Identity, how: Conditions, side: int) -> Iterator[Shape]:
    x = side * (who.eye_spacing + 0.015 + who.brow_length * _T)
    rise = who.brow_arch * (1 - ((_T - 0.25) / 1.25) ** 2) + who.brow_tilt * _T
    y = who.eye_height - who.brow_height - how.brow_raise - rise
    half = who.brow_thickness * np.interp(_T, [-1, -0.8, 0.2, 1], [0.6, 1.0, 0.85, 0.15])
    dark = 0.75 * np.array(who.hair) + 0.25 * 0.6 * np.array(who.skin)
    yield Shape(_band(x, y - 1.25 * half, y + 1.25 * half), 0.5 * dark + 0.5 * np.array(who.skin))
    yield Shape(_band(x, y - 0.85 * half, y + 0.85 * half), dark)


def _nose(who: Identity, how: Conditions) -> Iterator[Shape]:
    y, half = nose_tip(who), who.nose_width
    shadow = _times(who.skin, 0.78, 0.7, 0.68)
    yield Shape(_oval(0, y + 0.05, 0.62 * half, 0.03), shadow)
    yield Shape(_oval(0, y + 0.03, 0.3 * half, 0.03), _times(who.skin, 0.95, 0.92, 0.91))
    for side in (-1, 1):
        wing = side * half * (0.88 + 0.14 * np.cos(np.pi * _T / 2))
        curve = np.column_stack([wing, y + 0.005 + 0.062 * _T])[3:]
        yield Shape(curve, _times(who.skin, 0.66, 0.56, 0.54), width=0.014)
        nostril = _oval(side * half * 0.47, y + 0.046, half * 0.21, 0.016)
        yield Shape(nostril, _times(who.skin, 0.36, 0.26, 0.24))
        fold_x = side * np.linspace(half * 1.15, _mouth_half(who, how) + 0.07, 9)
        fold_y = np.linspace(y + 0.01, mouth_middle(who) + 0.03, 9)
        fold_x = fold_x + side * 0.03 * np.sin(np.linspace(0, np.pi, 9))
        strength = 0.24 * min(1.0, who.folds + 0.5 * max(how.smile, 0))
        colour = _times(who.skin, 1 - strength, 1 - 1.2 * strength, 1 - 1.25 * strength)
        yield Shape(np.column_stack([fold_x, fold_y]), colour, width=0.016)


def _mouth(who: Identity, how: Conditions) -> Iterator[Shape]:
    bend = 1 - _T**2
    x, seam = _mouth_line(who, how)
    drop = 0.13 * how.mouth_open * bend
    stretch = 1 - 0.25 * max(how.smile, 0)
    notch = 1 - who.lip_bow * np.exp(-((_T / 0.2) ** 2))
    top = seam - 0.3 * drop - who.upper_lip * stretch * bend**0.8 * notch * 1.2
    upper = seam - 0.3 * drop
    lower = seam + 0.7 * drop
    bottom = lower + who.lower_lip * stretch * bend**0.75
    skin, red = np.array(who.skin), np.array([176.0, 62.0, 66.0])
    mix = 0.25 + 0.5 * who.lip_red
    lips = (1 - mix) * 0.86 * skin + mix * (0.35 * skin + 0.65 * red)
    yield Shape(_band(x, bottom, bottom + 0.03 * bend), _times(who.skin, 0.87, 0.82, 0.8))
    yield Shape(_band(x, upper, lower), (48, 18, 20))
    if how.mouth_open > 0.15:
        teeth = _band(0.8 * x, upper, upper + np.minimum(0.06 * bend, 0.8 * (lower - upper)))
        yield Shape(teeth, (222, 216, 204))
    yield Shape(_band(x, top, upper), 0.88 * lips)
    yield Shape(_band(x, lower, bottom), lips)
    shine = np.column_stack([0.45 * x, (0.6 * lower + 0.4 * bottom)])
    yield Shape(shine, np.minimum(1.1 * lips + 8, 255), width=0.018)
    line = np.column_stack([x, 0.5 * (upper + lower)])
    if how.mouth_open <= 0.15:
        yield Shape(line, 0.42 * lips, width=0.016)
    for corner in (0, -1):
        yield Shape(_oval(x[corner], line[corner, 1], 0.016, 0.013), 0.5 * lips)


def _mouth_half(who: Identity, how: Conditions) -> float:
    return who.mouth_width * (1 + 0.22 * how.smile - 0.14 * how.mouth_open)


def _mouth_line(who: Identity, how: Conditions) -> tuple[np.ndarray, np.ndarray]:
    """The seam of the closed lips from the left to the right corner: x [17] and y [17]."""
    lift = 0.02 + 0.09 * how.smile
    return _mouth_half(who, how) * _T, mouth_middle(who) + lift * (0.35 - _T**2)


def _glasses(who: Identity, how: Conditions) -> list[Shape]:
    colour = how.glasses_colour
    left, right = lenses(who, how)
    y = who.eye_height
    bridge = np.array([(left[:, 0].max(), y), (0, y - 0.025), (right[:, 0].min(), y)])
    arms = [
        np.array(
            [(side * np.abs(right[:, 0]).max(), y - 0.03), (side * 0.98 * who.face_width, y - 0.05)]
        )
        for side in (-1, 1)
    ]
    rims = [np.vstack([glass, glass[:1]]) for glass in (left, right)]
    return [Shape(line, colour, width=0.026, above=0.03) for line in (*rims, bridge, *arms)]


def ears(who: Identity, side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """An ear as polygons [n, 3] beside the head, with their colours."""
    shapes = []
    for size, colour in ((1.0, (0.93, 0.86, 0.84)), (0.6, (0.76, 0.66, 0.63))):
        up, back = (
            who.ear_size * size * np.sin(_CIRCLE),
            0.55 * who.ear_size * size * np.cos(_CIRCLE),
        )
        x = side * (who.face_width * 1.0 + 0.6 * back - 0.1 * up)
        y = 0.5 * (who.eye_height + nose_tip(who)) - 0.04 + up
        shapes.append((np.column_stack([x, y, -0.05 - 0.6 * back]), _times(who.skin, *colour)))
    return shapes


def _oval(x: float, y: float, half_x: float, half_y: float, power: float = 2) -> np.ndarray:
    """A (super)ellipse [16, 2]."""
    cos, sin = (np.sign(v) * np.abs(v) ** (2 / power) for v in (np.cos(_CIRCLE), np.sin(_CIRCLE)))
    return np.column_stack([x + half_x * cos, y + half_y * sin])


def _band(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The polygon between two curves over the same x."""
    return np.vstack([np.column_stack([x, upper]), np.column_stack([x, lower])[::-1]])


def _times(colour: Colour, red: float, green: float, blue: float) -> np.ndarray:
    return np.multiply(colour, (red, green, blue))

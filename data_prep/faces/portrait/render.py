"""A picture of a person: paint flat colours, light them, photograph the result."""

import cv2
import numpy as np

from data_prep.faces.portrait.chance import stream
from data_prep.faces.portrait.factors import Colour, Conditions, Identity
from data_prep.faces.portrait.features import ears, features, landmark_points, lenses
from data_prep.faces.portrait.head import DEPTH, View, lookup, skull, view

_FINE = 2
"""Shapes are painted at this many times the picture's resolution, then averaged."""
_BITS = 4
"""Fractional bits of the painter's coordinates."""


def render(who: Identity, how: Conditions, size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Draws `who` as photographed under `how`.

    Args:
        who: the person.
        how: the conditions.
        size: side of the picture, pixels.

    Returns:
        picture: RGB uint8 [size, size, 3].
        landmarks: float64 [5, 2], (x, y) in pixels of left eye, right eye, tip of the nose, left
            and right corner of the mouth as seen in the picture; 0 is the middle of a pixel.

    Raises:
        ValueError: `size` is below 32.
    """
    if size < 32:
        raise ValueError(f"expected a picture of at least 32 pixels a side, found size {size}")
    camera = view(who, how, size)
    unit, xy = camera.seen(size)
    skin = lookup(camera.maps.skin, xy)
    light, gloss = _light(how, camera, unit, skin)

    scene = _backdrop(how, size)
    body, mask = _body(who, how, camera, size)
    scene = _over(scene, body * _body_light(how), mask)
    face, mask = _face(who, how, camera, size)
    face *= skin[..., 2:3]
    if who.beard:
        stubble = skin[..., 3:] * stream(how.noise_seed, 1).uniform(0.68, 1.0, (size, size, 1))
        face = _over(face, 0.8 * _linear(who.hair), stubble.astype(np.float32))
    scene = _over(scene, face * light + gloss, mask)
    if who.hair_volume:
        hair, mask = _hair(who, how, camera, unit, size)
        scene = _over(scene, hair * light, mask)
    return _expose(scene, how), camera.project(camera.lift(landmark_points(who, how)))


def _light(
    how: Conditions, camera: View, unit: np.ndarray, skin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Light on the head [size, size, 3] (Lambert and ambient) and its gloss [size, size, 1]."""
    slant = unit[2] * np.float32(1 / DEPTH)
    normal = unit / camera.radii[:, None, None].astype(np.float32)
    normal[0] -= slant * skin[..., 0]
    normal[1] -= slant * skin[..., 1]
    normal /= np.sqrt((normal**2).sum(0))
    towards = _direction(how)
    half = towards + np.array([0, 0, 1])
    half /= np.linalg.norm(half)

    def facing(direction: np.ndarray) -> np.ndarray:
        seen = (camera.rotation.T @ direction).astype(np.float32)
        return seen[0] * normal[0] + seen[1] * normal[1] + seen[2] * normal[2]

    # Skin scatters: light reaches a little beyond the terminator.
    direct = np.maximum((facing(towards) + 0.15) / 1.15, 0)
    above = np.float32(0.8) - np.float32(0.2) * facing(np.array([0.0, 1.0, 0.0]))
    light = direct[..., None] * _key(how) + above[..., None] * _fill(how)
    shine = np.maximum(facing(half), 0)
    for _ in range(4):
        shine = shine * shine
    return light, np.float32(0.07 * how.light) * shine[..., None]


def _body(who: Identity, how: Conditions, camera: View, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hair behind the head, shoulders and neck: linear colour and mask."""
    paint = _Painter(size, who.hair)
    if who.hair_length > 0.4:
        wide = who.face_width * (1.0 + 0.8 * who.hair_volume)
        ends = [
            (wide * np.sin(turn), who.hair_length - 0.3 * (1 - np.cos(turn)), -0.35)
            for turn in np.linspace(-1.4, 1.4, 9)
        ]
        locks = np.vstack([skull(who, who.hair_volume), ends])
        paint.polygon(camera.outline(locks), np.multiply(who.hair, 0.75))
    # The body stays upright: only the neck's upper end follows the head.
    top = camera.project(np.array([(-0.36, 0.5, -0.1), (0.36, 0.5, -0.1)]))
    down = np.array([0.25 * camera.rotation[0, 1], 1.0]) * camera.scale
    foot = top + 0.66 * down
    middle = foot.mean(0)
    across = np.array([camera.scale, 0])
    shoulders = [middle + a * across + b * down for a, b in _SHOULDERS]
    neck = np.vstack([top, foot[1] + 0.1 * across, middle + 0.22 * down, foot[0] - 0.1 * across])
    paint.polygon(np.array(shoulders), how.clothes)
    paint.polygon(neck, np.multiply(who.skin, 0.78))
    return paint.finished()


def _face(who: Identity, how: Conditions, camera: View, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Head, ears and features: linear colour and mask."""
    paint = _Painter(size, who.skin)
    outline = camera.outline(skull(who))
    near = -1 if camera.rotation[2, 0] < 0 else 1
    for side in (-near, near):
        if side == near:
            paint.polygon(outline, who.skin)
        for points, colour in ears(who, side):
            paint.polygon(camera.project(points), colour)
    shapes = features(who, how)
    ends = np.cumsum([len(shape.xy) for shape in shapes])
    above = np.repeat([shape.above for shape in shapes], [len(shape.xy) for shape in shapes])
    points = camera.lift(np.vstack([shape.xy for shape in shapes]), above)
    for shape, pixels in zip(shapes, np.split(camera.project(points), ends[:-1])):
        if shape.width:
            paint.line(pixels, shape.colour, shape.width * camera.scale, solid=shape.above > 0)
        else:
            paint.polygon(pixels, shape.colour, solid=False)
    face, mask = paint.finished()
    if how.glasses:
        glass = [camera.project(camera.lift(lens, 0.03)) for lens in lenses(who, how)]
        dark = np.float32(0.6 if how.glasses == "tinted" else 0.06)
        face *= 1 - dark * _mask(glass, size)
    return face, mask


def _hair(
    who: Identity, how: Conditions, camera: View, unit: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hair on the head: linear colour and mask."""
    line, part, more = how.hair_tousle
    outline = camera.outline(skull(who, who.hair_volume + more))
    if who.curls:
        middle = outline.mean(0)
        dense = _closed_curve(outline, 90)
        wave = np.sin(np.arange(90) * (2 * np.pi * 15 / 90) + who.marks % 7)
        outline = middle + (dense - middle) * (1 + 0.035 * who.curls * wave[:, None])
    cap = _mask([outline], size)
    azimuth = cv2.phase(unit[2], unit[0])  # 0 in front, growing to the picture's right
    azimuth = np.where(azimuth > np.pi, azimuth - np.float32(2 * np.pi), azimuth)
    angles = [0, 0.45, 0.95, 1.2, 1.45, 1.7, np.pi]
    front, temple, side = who.hairline + line, who.temples + line, who.sideburns
    back = max(side, 0.55)
    edges = [front, front + 0.02, temple, 0.4 * temple + 0.6 * side, side, back, back]
    edge = np.interp(np.abs(azimuth), angles, edges).astype(np.float32)
    phase = np.float32(who.marks % 11)
    bent = np.sin(unit[1] * 6 + phase) * (1 + 2 * who.curls)
    strands = np.sin(azimuth * 17 + bent) * np.sin(azimuth * 29 - phase)
    fine = np.sin(azimuth * 71 + bent)
    edge += (who.parting + part) * np.sin(azimuth)
    edge += np.float32(0.035) * strands + np.float32(0.012) * fine
    inside = np.clip((edge - unit[1]) * np.float32(camera.scale / 4) + 0.5, 0, 1)
    streaks = 0.95 + np.float32(0.22) * strands + np.float32(0.15) * fine
    return streaks[..., None] * _linear(who.hair), cap * inside[..., None]


def _backdrop(how: Conditions, size: int) -> np.ndarray:
    """Two colours and blurred shapes, linear [size, size, 3]."""
    first, last = (_linear(colour) for colour in how.background)
    axis = np.linspace(0, 0.5, size, dtype=np.float32)
    way = (axis[:, None] + axis[None, :])[..., None]
    shapes = stream(how.clutter).normal(0.0, 0.22, (5, 5, 1)).astype(np.float32)
    clutter = cv2.resize(shapes, (size, size), None, 0, 0, cv2.INTER_CUBIC)[..., None]
    return (first + (last - first) * way) * np.maximum(1 + clutter, 0.1)


def _expose(scene: np.ndarray, how: Conditions) -> np.ndarray:
    """The camera: lens blur, exposure, response and noise; RGB uint8."""
    size = len(scene)
    if how.blur * size > 0.2:
        scene = cv2.GaussianBlur(scene, (0, 0), how.blur * size)
    picture: np.ndarray = cv2.sqrt(scene * np.float32(2.0**how.exposure))
    picture *= 255
    if how.noise:
        noise = stream(how.noise_seed).standard_normal(scene.shape, np.float32)
        noise *= np.float32(how.noise)
        picture += noise
    return cv2.convertScaleAbs(np.maximum(picture, 0))


class _Painter:
    """Paints shapes on a fine canvas and remembers where anything was painted."""

    def __init__(self, size: int, colour: Colour) -> None:
        fine = size * _FINE
        self.canvas = np.empty((fine, fine, 3), np.uint8)
        cv2.rectangle(self.canvas, (0, 0), (fine, fine), tuple(colour), cv2.FILLED)
        self.mask = np.zeros((fine, fine), np.uint8)

    def polygon(self, pixels: np.ndarray, colour: np.ndarray | Colour, solid: bool = True) -> None:
        """Fills [n, 2]; a solid shape also covers what is behind this canvas."""
        at = [_fine(pixels)]
        cv2.fillPoly(self.canvas, at, tuple(colour), cv2.LINE_AA, _BITS)
        if solid:
            cv2.fillPoly(self.mask, at, 255, cv2.LINE_AA, _BITS)

    def line(
        self, pixels: np.ndarray, colour: np.ndarray | Colour, width: float, solid: bool
    ) -> None:
        """Draws an open line through [n, 2], `width` pixels wide."""
        at, thick = [_fine(pixels)], max(1, round(width * _FINE))
        cv2.polylines(self.canvas, at, False, tuple(colour), thick, cv2.LINE_AA, _BITS)
        if solid:
            cv2.polylines(self.mask, at, False, 255, thick, cv2.LINE_AA, _BITS)

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear colour [size, size, 3] and mask [size, size, 1], float32."""
        colour = _averaged(self.canvas)
        return colour * colour, _averaged(self.mask)[..., None]


def _mask(polygons: list[np.ndarray], size: int) -> np.ndarray:
    """Which part of each pixel the polygons [n, 2] cover, float32 [size, size, 1]."""
    mask = np.zeros((size * _FINE, size * _FINE), np.uint8)
    for pixels in polygons:
        cv2.fillPoly(mask, [_fine(pixels)], 255, cv2.LINE_AA, _BITS)
    return _averaged(mask)[..., None]


def _averaged(canvas: np.ndarray) -> np.ndarray:
    """A fine canvas at the picture's resolution, float32, 0 to 1."""
    scale = 1 / _FINE
    small = cv2.resize(canvas, (0, 0), None, scale, scale, cv2.INTER_AREA)
    return small * np.float32(1 / 255)


def _fine(pixels: np.ndarray) -> np.ndarray:
    return np.round(((pixels + 0.5) * _FINE - 0.5) * 2**_BITS).astype(np.int32)


def _over(scene: np.ndarray, layer: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return scene + (layer - scene) * mask


def _direction(how: Conditions) -> np.ndarray:
    """Unit vector towards the light, camera axes."""
    side, height = np.deg2rad([how.light_side, how.light_height])
    return np.array([np.sin(side) * np.cos(height), -np.sin(height), np.cos(side) * np.cos(height)])


def _key(how: Conditions) -> np.ndarray:
    return np.float32(how.light) * np.array(
        [1 + 0.3 * how.warmth, 1.0, 1 - 0.4 * how.warmth], np.float32
    )


def _fill(how: Conditions) -> np.ndarray:
    return np.float32(how.ambient) * np.array(how.tint, np.float32)


def _body_light(how: Conditions) -> np.ndarray:
    return np.float32(0.5) * _key(how) + np.float32(0.8) * _fill(how)


def _linear(colour: Colour) -> np.ndarray:
    return (np.array(colour, np.float32) / 255) ** 2


def _closed_curve(points: np.ndarray, count: int) -> np.ndarray:
    """`count` points at equal distances along a closed polygon."""
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count, endpoint=False)
    return np.column_stack([np.interp(at, length, closed[:, i]) for i in range(2)])


_SHOULDERS = ((-1.5, 1.5), (-1.35, 0.35), (-0.55, 0.02), (0.55, 0.02), (1.35, 0.35), (1.5, 1.5))

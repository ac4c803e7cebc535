"""The head as a surface: an ellipsoid with a relief (nose, sockets, lips, chin) on its front.

One surface serves both ways. Forwards, points of the face are lifted onto it, turned and projected:
features and landmarks. Backwards, each pixel finds the point of the surface it sees: shading and
skin. Units and axes are those of `factors`.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from data_prep.faces.portrait.chance import stream
from data_prep.faces.portrait.factors import Conditions, Identity

DEPTH = 0.88
"""Half depth of every head."""
GRID = 96
"""Rows and columns of the maps below, over x and y from -1 to 1."""


@dataclass(frozen=True)
class Maps:
    """What belongs to a person's face at each (y, x), float32 [GRID, GRID] each.

    Attributes:
        height: relief above the ellipsoid, along z.
        skin: [GRID, GRID, 4]: slope of the relief along x and along y, brightness of the skin
            (a factor), density of the beard (0 to 1).
    """

    height: np.ndarray
    skin: np.ndarray


@dataclass(frozen=True)
class View:
    """Where a head is and how it is turned.

    Attributes:
        rotation: [3, 3], from head to camera axes.
        radii: of the ellipsoid along x, y, z.
        centre: (x, y) of the head's middle, pixels.
        scale: pixels a unit.
        maps: of the person.
    """

    rotation: np.ndarray
    radii: np.ndarray
    centre: np.ndarray
    scale: float
    maps: Maps

    def lift(self, xy: np.ndarray, above: float | np.ndarray = 0.0) -> np.ndarray:
        """Points [n, 3] on the face over `xy` [n, 2], `above` its surface."""
        unit = xy / self.radii[:2]
        z = self.radii[2] * np.sqrt(np.maximum(1 - (unit**2).sum(1), 0))
        return np.column_stack([xy, z + _sample(self.maps.height, xy) + above])

    def project(self, xyz: np.ndarray) -> np.ndarray:
        """Pixels [n, 2] of points [n, 3]; whole numbers are the centres of pixels."""
        return xyz @ self.rotation[:2].T * self.scale + self.centre

    def seen(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """What each pixel of a `size` x `size` picture sees of the head.

        Pixels beside the head see its rim, so that shading has no seam there.

        Returns:
            unit: float32 [3, size, size], the point divided by the radii: of length 1.
            xy: float32 [2, size, size], its x and y.
        """
        pixels = np.arange(size, dtype=np.float32)
        column, row = np.meshgrid(pixels, pixels)
        # A point raised by the relief is seen where the bare ellipsoid shows one further along the
        # nose's direction. Half steps settle on steep noses too, where whole ones would swing.
        nose = (self.rotation[:2, 2] * self.scale).astype(np.float32)
        bare = lookup(self.maps.height, self._ellipsoid(column, row)[1])
        height = np.full_like(bare, self.maps.height.max())
        for _ in range(7):
            at = column - height * nose[0], row - height * nose[1]
            moved = cv2.remap(bare, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            height = (height + moved) / 2
        return self._ellipsoid(column - height * nose[0], row - height * nose[1])

    def _ellipsoid(self, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same for the ellipsoid without its relief, at places (column, row) of the picture."""
        matrix = (self.rotation.T / self.radii[:, None]).astype(np.float32)
        x, y = ((at - np.float32(mid)) / self.scale for at, mid in zip((column, row), self.centre))
        flat = [line[0] * x + line[1] * y for line in matrix]
        along = matrix[:, 2]
        a = along @ along
        b = along[0] * flat[0] + along[1] * flat[1] + along[2] * flat[2]
        c = flat[0] ** 2 + flat[1] ** 2 + flat[2] ** 2 - 1
        depth = (np.sqrt(np.maximum(b * b - a * c, 0)) - b) / a
        unit = np.stack([flat[i] + along[i] * depth for i in range(3)])
        unit /= np.sqrt((unit**2).sum(0))
        return unit, unit[:2] * self.radii[:2, None, None].astype(np.float32)

    def outline(self, points: np.ndarray) -> np.ndarray:
        """The silhouette [m, 2], pixels, of a convex cloud of points [n, 3]."""
        hull = cv2.convexHull(self.project(points).astype(np.float32))
        return hull[:, 0].astype(np.float64)


def view(who: Identity, how: Conditions, size: int) -> View:
    """The head of `who` as `how` shows it in a picture of `size` x `size` pixels."""
    yaw, pitch, roll = np.deg2rad([how.yaw, how.pitch, how.roll])
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array(
        [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    )
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return View(
        rotation=tilt @ nod @ turn,
        radii=np.array([who.face_width, 1.0, DEPTH]),
        centre=np.array([0.5 + how.shift_x, 0.5 + how.shift_y]) * size - 0.5,
        scale=how.scale * size,
        maps=maps(who),
    )


def skull(who: Identity, thickness: float = 0.0) -> np.ndarray:
    """Points [n, 3] around a head; `thickness` adds hair above and behind."""
    x, y, z = _SPHERE
    wide = (
        1
        + who.jaw * _bell(y, 0.62, 0.28)
        + who.chin * _bell(y, 1.0, 0.16)
        + who.cheekbones * _bell(y, 0.15, 0.25)
        + who.forehead * _bell(y, -0.62, 0.42)
    )
    behind = np.where(z < 0, 1 - 0.6 * np.clip(y, 0, 1), 1)
    hair = 1 + thickness * np.clip(0.6 - 1.2 * y, 0, 1)
    return np.column_stack([who.face_width * x * wide * hair, y * hair, DEPTH * z * behind * hair])


def lookup(grid: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A map's values at `xy` float32 [2, rows, columns]."""
    at = (xy + 1) * np.float32((GRID - 1) / 2)
    return cv2.remap(grid, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=4)
def maps(who: Identity) -> Maps:
    """The maps of a person; kept, since a person is photographed many times."""
    axis = np.linspace(-1, 1, GRID)
    x, y = axis[None, :], axis[:, None]
    noise = stream(who.marks)
    height = _relief(who, x, y) + 0.01 * _smooth_noise(noise, 9)
    step = axis[1] - axis[0]
    slope_y, slope_x = np.gradient(height, step)
    brightness = 1 + 0.065 * _smooth_noise(noise, 7) + 0.03 * _smooth_noise(noise, 24)
    skin = np.stack([slope_x, slope_y, brightness, _beard(who, x, y)], axis=-1)
    return Maps(height.astype(np.float32), skin.astype(np.float32))


def nose_tip(who: Identity) -> float:
    """The y of the tip of the nose."""
    return who.eye_height + who.nose_length


def mouth_middle(who: Identity) -> float:
    """The y of the seam between closed lips."""
    return nose_tip(who) + who.mouth_height


def _relief(who: Identity, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    tip, mouth = nose_tip(who), mouth_middle(who)
    along = np.clip((y - who.eye_height) / who.nose_length, -0.4, 1)
    rise = who.nose_bridge * (0.30 + 0.70 * np.clip(along, 0, 1) ** 1.4)
    ends = _step(along + 0.15, 0.12) * _step(tip + 0.045 - y, 0.022)
    height = rise * ends * _bell(x, 0, 0.02 + who.nose_width * (0.4 + 0.22 * np.maximum(along, 0)))
    height += who.nose_bulb * _bell(x, 0, 0.09) * _bell(y, tip - 0.01, 0.06)
    side = np.abs(x)
    height += 0.06 * _bell(side, who.nose_width * 0.72, 0.045) * _bell(y, tip + 0.005, 0.055)
    height -= who.eye_depth * _bell(side, who.eye_spacing, 0.15) * _bell(y, who.eye_height, 0.09)
    brow = who.eye_height - who.brow_height
    height += 0.035 * _bell(side, who.eye_spacing * 0.9, 0.2) * _bell(y, brow, 0.07)
    cheeks = 0.05 + who.cheekbones
    height += cheeks * _bell(side, 0.43, 0.13) * _bell(y, who.eye_height + 0.28, 0.12)
    lips = _bell(x, 0, who.mouth_width * 0.8)
    height += lips * (0.035 + 0.4 * who.upper_lip) * _bell(y, mouth - 0.03, 0.04)
    height += lips * (0.03 + 0.4 * who.lower_lip) * _bell(y, mouth + 0.05, 0.045)
    height -= 0.035 * _bell(x, 0, 0.2) * _bell(y, mouth + 0.14, 0.045)
    chin = 0.05 + 0.12 * max(who.chin, 0)
    return height + chin * _bell(x, 0, 0.17) * _bell(y, 0.86, 0.09)


def _beard(who: Identity, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    mouth, tip = mouth_middle(who), nose_tip(who)
    edge = mouth - 0.05 - 1.1 * np.maximum(np.abs(x) - 0.33, 0)
    moustache = _bell(y, (tip + mouth) / 2 + 0.02, 0.05) * _bell(x, 0, who.mouth_width * 0.9)
    return who.beard * np.clip(_step(y - edge, 0.04) + moustache, 0, 1)


def _smooth_noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Noise [GRID, GRID] of about unit deviation whose waves are 1 / cells of the map long."""
    return cv2.resize(
        rng.standard_normal((cells, cells)), (GRID, GRID), None, 0, 0, cv2.INTER_CUBIC
    )


def _sample(grid: np.ndarray, xy: np.ndarray) -> np.ndarray:
    return lookup(grid, xy.T[:, None, :].astype(np.float32))[0].astype(np.float64)


def _bell(x: np.ndarray, middle: float, width: float | np.ndarray) -> np.ndarray:
    return np.exp(-(((x - middle) / width) ** 2))


def _step(x: np.ndarray, width: float) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(x / width)


def _sphere(rings: int, spokes: int) -> np.ndarray:
    """Points [3, n] spread over the unit sphere."""
    polar = np.linspace(0, np.pi, rings)[:, None]
    around = np.linspace(0, 2 * np.pi, spokes, endpoint=False)[None, :]
    x, z = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around)
    return np.stack([x, -np.cos(polar) + 0 * around, z]).reshape(3, -1)


_SPHERE = _sphere(19, 20)

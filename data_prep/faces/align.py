"""Five landmarks to an upright crop: similarity transform onto the ArcFace template.

formats.md 2.7. The fit is the least-squares similarity without reflection (Umeyama 1991, equations
40 to 43) in closed form: with points as complex numbers it is the regression w = a z + b.
"""

import numpy as np

TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Where the landmarks lie in a 112x112 crop, (x, y) pixels: left eye, right eye, nose, left and
right mouth corner as seen in the picture."""

_MARGIN = np.array([8.0, 0.0])
"""The 112x96 crop is the 112x112 one without eight columns on either side."""

_FEW = 400 * 400
"""Pixels of pictures that are given a fourth channel: OpenCV 5 warps four channels 2.5 times faster
than three, to the same bytes, and for larger pictures filling them up would cost more than that."""


def template(size: tuple[int, int]) -> np.ndarray:
    """The target points for a crop, float64 [5, 2], (x, y) pixels.

    Squares scale with size / 112; multiples of 128 keep the 112 crop's scale at 128 pixels and are
    wider around it (x + 8 at 128), as InsightFace does. 112x96 and its multiples lose the margins.

    Args:
        size: (height, width) of the crop, pixels.

    Raises:
        ValueError: no template exists for the shape.
    """
    height, width = size
    if height == width and height > 0:
        if height % 128 == 0:
            return (TEMPLATE + _MARGIN) * (height / 128)
        return TEMPLATE * (height / 112)
    if height > 0 and height * 96 == width * 112:
        return (TEMPLATE - _MARGIN) * (height / 112)
    raise ValueError(
        f"expected a square crop, or a multiple of 112x96 (height x width), found {height}x{width}"
    )


def similarity(src: np.ndarray, dst: np.ndarray) -> np.ndarray:
    """The similarity transforms (rotation, one scale, shift) nearest to `src` -> `dst`.

    Args:
        src: points [..., 5, 2], (x, y) pixels.
        dst: points [5, 2], (x, y) pixels.

    Returns:
        float64 [..., 2, 3]; `matrix @ (x, y, 1)` is the place in the target.

    Raises:
        ValueError: points are not finite, or coincide, or turn into a single point.
    """
    src, dst = np.asarray(src, np.float64), np.asarray(dst, np.float64)
    z, w = src[..., 0] + 1j * src[..., 1], dst[..., 0] + 1j * dst[..., 1]
    if not (np.isfinite(z).all() and np.isfinite(w).all()):
        raise ValueError("expected finite landmarks, found NaN or infinity")
    z_mean, w_mean = z.mean(-1, keepdims=True), w.mean(-1, keepdims=True)
    z_part, w_part = z - z_mean, w - w_mean
    spread = (np.abs(z_part) ** 2).sum(-1)
    size = np.abs(z).max(-1, initial=1.0)
    if (spread <= (1e-9 * size) ** 2).any():
        raise ValueError("expected five different landmarks, found all of them at one point")
    a = (z_part.conj() * w_part).sum(-1) / spread
    # Correlation of the two shapes: at 0 no rotation is better than another.
    fit = np.abs(a) * np.sqrt(spread / (np.abs(w_part) ** 2).sum(-1))
    if (fit < 1e-6).any():
        raise ValueError(
            "expected landmarks of a face, found points that fit the template in no way"
        )
    b = w_mean[..., 0] - a * z_mean[..., 0]
    rows = [np.stack([a.real, -a.imag, b.real], -1), np.stack([a.imag, a.real, b.imag], -1)]
    return np.stack(rows, -2)


def warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The crop that a transform shows: bilinear, black outside of the picture.

    Args:
        image: uint8 [H, W, 3] (or [H, W]).
        matrix: [2, 3], of `similarity`.
        size: (height, width) of the crop, pixels.

    Returns:
        uint8 [height, width, 3] (or [height, width]).
    """
    import cv2

    filled_up = image.ndim == 3 and image.shape[0] * image.shape[1] < _FEW
    if filled_up:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    shape = size[::-1]
    crop = cv2.warpAffine(image, matrix, shape, flags=cv2.INTER_LINEAR, borderValue=0)
    return cv2.cvtColor(crop, cv2.COLOR_RGBA2RGB) if filled_up else crop


def align(
    image: np.ndarray, landmarks: np.ndarray, size: tuple[int, int] = (112, 112)
) -> np.ndarray:
    """The aligned crop of one face; for many, fit them at once and `warp` each.

    Args:
        image: uint8 [H, W, 3] (or [H, W]).
        landmarks: [5, 2], (x, y) pixels, in the template's order.
        size: (height, width) of the crop, pixels.

    Returns:
        uint8 [height, width, 3] (or [height, width]).

    Raises:
        ValueError: degenerate landmarks, or no template for the size.
    """
    return warp(image, similarity(landmarks, template(size)), size)

"""Faces aligned and encoded a second on one core: ours against InsightFace's.

    python -m benchmarks.align_speed [--json] [--quick]

vs_insightface: their time over ours, over all pictures; vs_insightface_N: over those of NxN pixels.
faces_per_second, insightface_per_second: over all pictures.

Theirs is `insightface.utils.face_align.norm_crop` and `cv2.imencode`, with its warning at every
call silenced. Both sides get the same pictures (drawn people, enlarged to the larger sizes; RGB for
us, BGR for them, as each decodes files) and landmarks, and give JPEG of quality 95 of 112x112. A
picture comes several times in a row: it is in the processor's cache, like one just decoded.
"""

import warnings
from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.measure import arguments, in_turn, show
from data_prep.align_crops import crop_bytes, fitted
from data_prep.align_settings import AlignSettings
from data_prep.align_sources import Faces
from data_prep.faces.synthetic import conditions, identity, render

Photo = tuple[np.ndarray, np.ndarray]

SIZES, QUALITY, SIDE, REPEATS = (250, 500, 1000), 95, 250, 8
"""Sides of the pictures, of JPEG, side of the pictures as they are drawn, times each one comes."""


def photographs(size: int, count: int) -> list[Photo]:
    """Pictures uint8 RGB [size, size, 3], and their landmarks [5, 2]."""
    photos, scale = [], size / SIDE
    for i in range(count):
        picture, points = render(identity(0, i), conditions(0, i, 1), SIDE)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
        photos += [(picture, (points + 0.5) * scale - 0.5)] * REPEATS
    return photos


def ours(photos: list[Photo]) -> Callable[[], list[bytes]]:
    """What `python -m data_prep align` does between decoding and writing."""
    settings = AlignSettings(quality=QUALITY)
    names = [str(i) for i in range(len(photos))]
    faces = Faces({name: points for name, (_, points) in zip(names, photos)})

    def step() -> list[bytes]:
        fits = fitted(names, faces, settings.size)
        return [crop_bytes(picture, fit, settings) for (picture, _), fit in zip(photos, fits)]

    return step


def theirs(photos: list[Photo]) -> Callable[[], list[bytes]]:
    """The same by InsightFace's function."""
    from insightface.utils.face_align import norm_crop

    bgr = {id(picture): np.ascontiguousarray(picture[..., ::-1]) for picture, _ in photos}
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]

    def step() -> list[bytes]:
        crops = (norm_crop(bgr[id(picture)], points) for picture, points in photos)
        return [cv2.imencode(".jpg", crop, options)[1].tobytes() for crop in crops]

    return step


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__ or "")
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    count, rounds = (2, 9) if args.quick else (4, 61)
    sides = [side(photographs(size, count)) for size in SIZES for side in (ours, theirs)]
    for mine, other in zip(sides[::2], sides[1::2]):
        # Their template is float32: a level more or less here and there, on the same faces.
        apart = [cv2.norm(_decoded(a), _decoded(b), cv2.NORM_INF) for a, b in zip(mine(), other())]
        assert np.median(apart) <= 8, apart
    taken = in_turn(sides, rounds)
    mine, other = taken[::2], taken[1::2]
    figures = {"vs_insightface": sum(other) / sum(mine)}
    figures |= {f"vs_insightface_{size}": b / a for size, a, b in zip(SIZES, mine, other)}
    faces = count * REPEATS * len(SIZES)
    figures["faces_per_second"] = faces / sum(mine)
    figures["insightface_per_second"] = faces / sum(other)
    show("align_speed", figures, args.json)


def _decoded(encoded: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    main()

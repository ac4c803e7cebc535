"""Which people and photographs there are: factors drawn from counter-based random streams.

A person depends on (seed, person) alone, a photograph on (seed, person, image), so more people or
more images never change earlier ones.
"""

import numpy as np

from data_prep.faces.portrait.factors import Colour, Conditions, Identity

_SKIN = np.array([(246, 216, 194), (234, 192, 160), (206, 152, 114), (158, 108, 76), (108, 70, 50)])
_HAIR = np.array([(24, 20, 20), (62, 40, 28), (112, 72, 42), (176, 134, 80), (168, 164, 160)])
_IRIS = np.array([(58, 36, 22), (104, 70, 36), (92, 112, 66), (86, 128, 158), (112, 122, 130)])


def identity(seed: int, person: int) -> Identity:
    """The person of that number, the same for ever.

    Args:
        seed: of the whole set, 0 or more.
        person: number of the person, 0 or more.
    """
    rng = stream(seed, person)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    bearded = rng.random() < 0.25
    bald = rng.random() < 0.08
    long_hair = not (bearded or bald) and rng.random() < 0.5
    freckled = rng.random() < 0.3
    return Identity(
        face_width=between(0.66, 0.82),
        jaw=between(-0.08, 0.13),
        chin=between(-0.10, 0.30),
        cheekbones=between(-0.03, 0.07),
        forehead=between(0.03, 0.13),
        skin=_blend(_SKIN, rng.random(), rng.normal(0, 6, 3)),
        eye_spacing=between(0.25, 0.345),
        eye_height=between(-0.12, 0.05),
        eye_width=between(0.11, 0.17),
        eye_opening=between(0.040, 0.082),
        eye_tilt=between(-0.14, 0.20),
        eye_depth=between(0.02, 0.09),
        lid=between(0.015, 0.07),
        iris=_blend(_IRIS, rng.random(), rng.normal(0, 8, 3)),
        iris_size=between(0.052, 0.066),
        brow_height=between(0.14, 0.27),
        brow_length=between(0.14, 0.21),
        brow_thickness=between(0.008, 0.042),
        brow_arch=between(-0.01, 0.075),
        brow_tilt=between(-0.07, 0.035),
        nose_length=between(0.30, 0.48),
        nose_width=between(0.09, 0.185),
        nose_bridge=between(0.12, 0.23),
        nose_bulb=between(0.0, 0.06),
        mouth_height=between(0.18, 0.30),
        mouth_width=between(0.17, 0.30),
        upper_lip=between(0.016, 0.074),
        lower_lip=between(0.03, 0.105),
        lip_bow=between(0.0, 0.5),
        lip_red=between(0.1, 0.9),
        folds=between(0.0, 1.0) ** 2,
        ear_size=between(0.14, 0.21),
        hair=_blend(_HAIR, rng.random(), rng.normal(0, 7, 3)),
        hairline=-1.5 if bald else between(-0.82, -0.40),
        temples=-1.5 if bald else between(-0.55, -0.28),
        sideburns=-1.5 if bald else (between(0.2, 0.7) if long_hair else between(-0.15, 0.2)),
        parting=between(-0.18, 0.18),
        hair_volume=0.0 if bald else between(0.04, 0.20),
        hair_length=between(0.6, 1.5) if long_hair else 0.3,
        curls=max(0.0, between(-0.6, 1.0)),
        beard=between(0.35, 0.9) if bearded else 0.0,
        freckles=int(rng.integers(15, 50)) if freckled else 0,
        moles=int(rng.integers(0, 4)),
        marks=int(rng.integers(2**32)),
    )


def conditions(seed: int, person: int, image: int) -> Conditions:
    """How photograph `image` of `person` was taken; independent of who the person is.

    Args:
        seed: of the whole set, 0 or more.
        person: number of the person, 0 or more.
        image: number of the photograph, 0 or more.
    """
    rng = stream(seed, person, image)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def around(deviation: float, limit: float) -> float:
        return float(np.clip(rng.normal(0, deviation), -limit, limit))

    shade = rng.uniform(20, 235)
    mouth_open = max(0.0, between(-1.2, 0.9))
    return Conditions(
        yaw=around(11, 26),
        pitch=around(4.5, 11),
        roll=around(9, 25),
        scale=between(0.28, 0.36),
        shift_x=around(0.03, 0.07),
        shift_y=around(0.03, 0.07),
        smile=between(-0.2, 1.0),
        mouth_open=mouth_open,
        eyelid=between(0.62, 1.1),
        brow_raise=between(-0.02, 0.04),
        gaze_x=around(0.4, 1),
        gaze_y=around(0.25, 0.7),
        light_side=between(-80, 80),
        light_height=between(-15, 65),
        light=between(0.35, 1.1),
        ambient=between(0.2, 0.65),
        warmth=between(-1, 1),
        tint=_colour(rng.uniform(0.75, 1.15, 3)),
        exposure=0.1 + around(0.4, 0.8),
        background=(
            _colour(np.clip(shade + rng.normal(0, 30, 3), 5, 250)),
            _colour(np.clip(shade + rng.normal(0, 40, 3), 5, 250)),
        ),
        clutter=int(rng.integers(2**32)),
        clothes=_colour(rng.uniform(15, 235, 3)),
        glasses=str(rng.choice(["", "clear", "tinted"], p=[0.82, 0.14, 0.04])),
        glasses_size=between(0.18, 0.25),
        glasses_colour=_colour(rng.uniform(10, 130, 3)),
        hair_tousle=(around(0.03, 0.07), around(0.04, 0.1), around(0.01, 0.03)),
        blur=max(0.0, between(-0.004, 0.0045)),
        noise=between(1.0, 6.0),
        noise_seed=int(rng.integers(2**32)),
        jpeg_quality=int(rng.integers(65, 96)),
    )


def stream(*key: int) -> np.random.Generator:
    """An independent random stream for each key: (seed, number, number, ...).

    Raises:
        ValueError: a part of the key is negative.
    """
    if min(key) < 0:
        raise ValueError(f"expected seed, person and image numbers of 0 or more, found {key}")
    seeds = np.random.SeedSequence(key[0], spawn_key=key[1:])
    return np.random.Generator(np.random.Philox(seeds))


def _blend(palette: np.ndarray, where: float, change: np.ndarray) -> Colour:
    """A colour on the way through `palette` (where 0 to 1), changed a little."""
    at = where * (len(palette) - 1)
    between = [np.interp(at, range(len(palette)), channel) for channel in palette.T]
    return _colour(np.clip(np.array(between) + change, 8, 250))


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue

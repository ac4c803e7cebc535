"""Noise lists of MegaFace, and what different evaluators do with what they name.

FaceScrub holds images of the wrong person, MegaFace holds images of FaceScrub's people; the lists
of InsightFace name both. Figures "with" the lists are another protocol than figures without, and
there are several: formats.md 2.9, "Noise handling".

Legend: `n` probes, `D` numbers in an embedding.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.metrics.folds import Bools, Ints
from eval.protocols.pairs import read_lines

_SUFFIX = re.compile(r"\.(?:jpe?g|png|gif|bmp|tiff?)(?: .*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Treatment:
    """One evaluator's way with noisy images.

    Attributes:
        jitter: half the width of the uniform noise that is added to a person's centre.
        distractors: noisy ones are "left out"; or stay in the counts of impostor pairs but are
            "never" accepted; or score "zero" with everything.
        dropped: whether figures without noisy probes are given too.
        note: a sentence for the report.
    """

    jitter: float
    distractors: Literal["left out", "never", "zero"]
    dropped: bool
    note: str


TREATMENTS: dict[str, Treatment] = {
    "ours": Treatment(
        0.0,
        "left out",
        True,
        "Noisy distractors are left out. Noisy probes are replaced by the direction of the sum of "
        'the person\'s other unit embeddings; "dropped" holds the figures without them.',
    ),
    "insightface": Treatment(
        1e-3,
        "never",
        False,
        "As InsightFace's remove_noises.py: a noisy distractor is moved so far away that it never "
        "matches, but counts among the impostor pairs; a noisy probe is replaced by the sum of the "
        "person's other unit embeddings plus uniform noise of 0.001.",
    ),
    "facex": Treatment(
        0.0,
        "zero",
        False,
        "As FaceX-Zoo's remove_noises.py: a noisy distractor is the zero vector, so it scores 0 "
        "and still beats a mate of negative score; a noisy probe is replaced by the direction of "
        "the sum of the person's other unit embeddings.",
    ),
}
"""By the name that `--noise` takes."""


def noisy(
    path: str | os.PathLike[str], names: Sequence[str], key: Callable[[str], str], what: str
) -> Bools:
    """Which of the images a noise list names, [n].

    A line is an image, perhaps a tab and more; lines that begin with # are comments.

    Args:
        path: the list.
        names: n image names.
        key: what two names of one image have in common.
        what: these images, for the message.

    Raises:
        ValueError: no list, or one that names none of the images: then the figures would be raw
            ones under another name.
        OSError: it cannot be read.
    """
    listed = {
        key(line.split("\t")[0].strip()) for line in read_lines(path) if not line.startswith("#")
    }
    found = np.array([key(name) in listed for name in names], dtype=bool)
    if not found.any():
        raise ValueError(
            f"{path}: names none of the {len(names):,} {what} (the first is {names[0]!r}); leave "
            "the list out, or look at the names"
        )
    return found


def facescrub_key(name: str) -> str:
    """The base name without image suffix: `J.K._Simmons_24790` of `a/J.K._Simmons_24790.jpg 7.png`.

    MegaFace's own lists name some FaceScrub images by their old and new suffix.
    """
    base = name.rpartition("/")[2]
    while (shorter := _SUFFIX.sub("", base)) != base:
        base = shorter
    return base


def megaface_key(name: str) -> str:
    """The last three parts without suffix: `375/37531198@N00/4174611825_0`."""
    return _SUFFIX.sub("", "/".join(name.split("/")[-3:]))


def replacements(
    unit_nD: NDArray[np.float64], person_n: Ints, noisy_n: Bools, jitter: float, seed: int
) -> NDArray[np.float32]:
    """What stands in for the noisy probes, in their order, of length 1, float32 [noisy, D].

    Args:
        unit_nD: embeddings of length 1; noisy ones are not looked at.
        person_n: of each, from 0; each with at least one clean image.
        noisy_n: which are noisy.
        jitter: see `Treatment`.
        seed: of the jitter.
    """
    centre = np.zeros((int(person_n.max()) + 1, unit_nD.shape[1]))
    np.add.at(centre, person_n[~noisy_n], unit_nD[~noisy_n])
    random = np.random.default_rng(seed)
    wide = centre[person_n[noisy_n]]
    wide += random.uniform(-jitter, jitter, wide.shape) if jitter else 0.0
    length = np.linalg.norm(wide, axis=1)
    if not length.all():
        raise ValueError(
            "a person's clean probes cancel out, so that nothing can stand in for the noisy ones; "
            "look at the embeddings"
        )
    return (wide / length[:, None]).astype(np.float32)

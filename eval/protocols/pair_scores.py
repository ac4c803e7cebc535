"""Every pair's score and verdict within a result, so that two results can be compared later.

"pair_scores": {
  "score":   base64 of little-endian float64 [n], cosines in the order of the list,
  "genuine": base64 of bits [n], the first pair in the highest bit of the first byte,
  "correct": likewise, the verdict under the result's rule,
  "people":  null, or two base64 of little-endian uint32 [n]: numbers of the persons on the
             first and the second images, in the order of their first coming
}
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.bootstrap import Judged
from eval.metrics.folds import Bools, Ints


@dataclass(frozen=True)
class PairScores:
    """n judged pairs.

    Attributes:
        judged: scores and verdicts.
        same_n: bool [n].
        people: numbers of the persons on both sides, or None where they are not known.
    """

    judged: Judged
    same_n: Bools
    people: tuple[Ints, Ints] | None


def packed(scores: PairScores) -> dict[str, Any]:
    """As strict-JSON data."""
    people = scores.people
    return {
        "score": text_of(scores.judged.score_n.astype("<f8")),
        "genuine": text_of(np.packbits(scores.same_n)),
        "correct": text_of(np.packbits(scores.judged.correct_n)),
        "people": None if people is None else [text_of(side.astype("<u4")) for side in people],
    }


def unpacked(result: dict[str, Any], where: str) -> PairScores:
    """The pair scores of a result.

    Raises:
        ValueError: it holds none, or they do not fit its counts; `where` is named.
    """
    stored = result.get("pair_scores")
    if stored is None:
        raise ValueError(f"{where}: holds no scores of single pairs; run the protocol again")
    try:
        count = result["counts"]["pairs"]
        score_n = np.frombuffer(base64.b64decode(stored["score"], validate=True), dtype="<f8")
        same_n, correct_n = (bits_of(stored[key], count) for key in ("genuine", "correct"))
        people = None
        if stored["people"] is not None:
            first_n, second_n = (
                np.frombuffer(base64.b64decode(side, validate=True), dtype="<u4").astype(np.int64)
                for side in stored["people"]
            )
            people = first_n, second_n
        if len(score_n) != count or any(len(side) != count for side in people or ()):
            raise ValueError(f"{len(score_n)} scores for {count} pairs")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"{where}: pair_scores are damaged ({error}); run it again") from None
    return PairScores(Judged(score_n.astype(np.float64), correct_n), same_n, people)


def text_of(values: NDArray[Any]) -> str:
    """An array's bytes as base64."""
    return base64.b64encode(values.tobytes()).decode("ascii")


def bits_of(text: str, count: int) -> Bools:
    """`count` bits from base64, the first in the highest bit of the first byte.

    Raises:
        ValueError: not base64, or of another number of bytes.
    """
    raw = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    if len(raw) != -(-count // 8):
        raise ValueError(f"{len(raw)} bytes for {count} bits")
    return np.unpackbits(raw, count=count).astype(bool)

"""The table of other projects' rules: names, features and words (`peers.py` has the rules)."""

from collections.abc import Callable
from dataclasses import dataclass

from eval.metrics import peers
from eval.metrics.folds import Bools, FoldAccuracy, Ints
from eval.metrics.peers import PairVectors


@dataclass(frozen=True)
class Rule:
    """One project's way to an accuracy.

    Attributes:
        accuracy: from vectors, labels and folds.
        std_ddof: of the deviation that project prints after its mean.
        unit: what its thresholds are, `cosine` or otherwise.
        fusion: the feature its published figures use, as `X.json` spells it.
        note: what differs from ours, a sentence for the report.
    """

    accuracy: Callable[[PairVectors, Bools, Ints], FoldAccuracy]
    std_ddof: int
    unit: str
    fusion: str
    note: str


COMPAT: dict[str, Rule] = {
    "insightface": Rule(
        accuracy=peers.insightface,
        std_ddof=0,
        unit="squared distance",
        fusion="flip-sum",
        note="Accuracy follows InsightFace: squared distance below the first best threshold of "
        "0, 0.01 ... 3.99. Its tables print the population deviation (ddof 0) after the mean, not "
        "a standard error.",
    ),
    "facex": Rule(
        accuracy=peers.facex,
        std_ddof=1,
        unit="cosine",
        fusion="none",
        note="Accuracy follows FaceX-Zoo: the threshold of highest TPR - FPR among 1,000 steps "
        "over the range of the scores. Its tables print the standard error.",
    ),
    "sphereface": Rule(
        accuracy=peers.sphereface,
        std_ddof=1,
        unit="cosine of centred features",
        fusion="flip-concat",
        note="Accuracy follows SphereFace: the other folds' mean feature is subtracted, then the "
        "mean of all best thresholds among 20,001 on [-1, 1] is used.",
    ),
    "sphereface-pytorch": Rule(
        accuracy=peers.sphereface_pytorch,
        std_ddof=1,
        unit="cosine",
        fusion="none",
        note="Accuracy follows sphereface_pytorch (and CosFace_pytorch, which joins the flipped "
        "feature): the last best threshold of -1, -0.995 ... 0.995.",
    ),
    "facenet": Rule(
        accuracy=peers.facenet,
        std_ddof=0,
        unit="angle / pi of centred features",
        fusion="flip-concat",
        note="Accuracy follows facenet with --distance_metric 1 --subtract_mean: angle below the "
        "first best threshold of 0, 0.01 ... 3.99, features less the other folds' mean. Its "
        "tables print the population deviation (ddof 0) after the mean.",
    ),
    "coco": Rule(
        accuracy=peers.coco,
        std_ddof=1,
        unit="cosine",
        fusion="none",
        note="Accuracy as COCO published it: one threshold, chosen on the very pairs that are "
        "judged. It flatters; do not compare it with a cross-validated figure.",
    ),
}
"""Rules by the name that `--compat` takes."""

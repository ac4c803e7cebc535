"""Which published figures a result may be set beside, which not, and why (docs/protocols.md)."""

from dataclasses import dataclass
from typing import Any

from eval.metrics.compat import COMPAT
from eval.protocols import PROTOCOLS
from eval.protocols.pair_protocol import PairProtocol
from eval.report.results import Series, data_of, rule_name
from eval.report.shapes import count_of, has
from pages.tables import row, table
from pages.text import escape

_TABLES = {
    "insightface": "InsightFace and ArcFace; face.evoLVe, TFace, AdaFace, CVLface",
    "facex": "FaceX-Zoo",
    "sphereface": "SphereFace",
    "sphereface-pytorch": "sphereface_pytorch (CosFace_pytorch: the same on flip-concat)",
    "facenet": "facenet",
    "coco": "COCO loss",
}
"""Whose tables are made by which rule."""


@dataclass(frozen=True)
class Beside:
    """Published figures, whether this result may stand beside them, and why.

    Attributes:
        published: whose.
        answer: `yes`, `no` or `only if`.
        because: the rest of the sentence.
    """

    published: str
    answer: str
    because: str


_OTHERS: dict[str, tuple[Beside, ...]] = {
    "blufr": (
        Beside(
            "BLUFR tables (Liao et al., 2014)",
            "only if",
            "the definition is the toolkit's, with ten trials and all 13,233 images of LFW, and "
            "the figure taken is the mean less the deviation",
        ),
        Beside(
            "LFW accuracies", "no", "BLUFR gives rates at fixed false-accept rates, no accuracy"
        ),
    ),
    "retrieval": (
        Beside(
            "Recall@K and NMI of metric learning",
            "only if",
            "images, split and crops are theirs; NMI of tables made before scikit-learn 0.22 is "
            "the geometric one",
        ),
    ),
    "megaface": (
        Beside(
            "MegaFace challenge 1, of the other kind",
            "no",
            "raw figures stand beside raw ones only, and refined ones beside figures refined by "
            "the same noise lists and treatment: noise alone is worth over 10 points of rank 1",
        ),
        Beside(
            "MegaFace challenge 1, of the same kind",
            "only if",
            "there are 3,530 probes of 80 people and 10⁶ distractors",
        ),
    ),
    "trillion": (
        Beside("Trillion Pairs leaderboard", "no", "its scorer was closed; ours is reconstructed"),
    ),
    "rfw": (
        Beside(
            "RFW tables",
            "only if",
            "the rule is theirs and the training set has none of RFW's people, who come from "
            "MS-Celeb-1M",
        ),
    ),
    "ijb": (
        Beside(
            "IJB tables of public scripts",
            "only if",
            "their rates are taken from public_tar_at_far: TAR@FAR here never exceeds its rate, "
            "the scripts take the nearest point, which may",
        ),
    ),
    "ijb_1n": (
        Beside(
            "IJB 1:N tables of public scripts",
            "only if",
            "the figures under public are taken: those scripts join the two galleries, the "
            "official definition keeps them apart and averages",
        ),
    ),
}


def beside(result: dict[str, Any]) -> list[Beside]:
    """What is known of a result's comparability; empty for an unknown protocol."""
    name = str(result.get("protocol"))
    protocol = PROTOCOLS.get(name)
    if isinstance(protocol, PairProtocol) and has(result, "accuracy"):
        return [_ruled(result, protocol, rule) for rule in COMPAT]
    return list(_OTHERS.get(name, ()))


def comparability(series: list[Series]) -> str:
    """A table of it for all results of one section; nothing where nothing is known."""
    holders: dict[Beside, list[str]] = {}
    for one in series:
        for found in beside(one.result):
            holders.setdefault(found, []).append(one.label)
    if not holders:
        return ""
    order = {found.published: None for found in holders}
    places = {published: place for place, published in enumerate(order)}
    rows = [
        row(
            escape(found.published),
            [
                escape("all" if len(labels) == len(series) else ", ".join(dict.fromkeys(labels))),
                f'<b class="{_LOOK[found.answer]}">{found.answer}</b>, '
                f"{'' if found.answer == 'only if' else 'because '}{escape(found.because)}",
            ],
            words=3,
        )
        for found, labels in sorted(holders.items(), key=lambda item: places[item[0].published])
    ]
    return table(
        "Whose published figures these may be set beside. Training data, and overlap of its people "
        "with the test's, must be alike as well: no result can tell.",
        ("Published figures", "Results", "Comparable?"),
        rows,
        words=3,
    )


_FEATURES = {
    "none": "of one image",
    "flip-sum": "summed over the mirror image (flip-sum)",
    "flip-concat": "joined with the mirror image's (flip-concat)",
}
_LOOK = {"yes": "good", "no": "bad", "only if": "quiet"}


def _ruled(result: dict[str, Any], protocol: PairProtocol, name: str) -> Beside:
    """Accuracies of a protocol of pairs by another project's rule."""
    published = f"{protocol.title}: {_TABLES.get(name, name)}"
    reasons = _list_reasons(result, protocol)
    if rule_name(result) != name:
        flatters = ", which flatters: chosen on the very pairs judged" if name == "coco" else ""
        reasons.append(
            f"the rule is {_rule_words(result)}, theirs {name}'s{flatters} (run again with "
            f"--compat {name})"
        )
    fusion = data_of(result).get("fusion")
    if fusion != COMPAT[name].fusion:
        reasons.append(
            f"the feature is {_FEATURES.get(str(fusion), fusion)}, theirs "
            f"{_FEATURES.get(COMPAT[name].fusion, COMPAT[name].fusion)}"
        )
    if reasons:
        return Beside(published, "no", "; ".join(reasons))
    return Beside(published, "yes", "list, rule and feature are theirs")


def _rule_words(result: dict[str, Any]) -> str:
    return f"{result['compat']}'s" if result.get("compat") else "this project's"


def _list_reasons(result: dict[str, Any], protocol: PairProtocol) -> list[str]:
    """Why the list is not the published one."""
    if protocol.official_pairs is None:
        return ["the list is the user's own, nobody has published on it"]
    count = count_of(result, "pairs")
    if count != protocol.official_pairs:
        return [f"the list has {count} pairs, the published one {protocol.official_pairs:,}"]
    return []

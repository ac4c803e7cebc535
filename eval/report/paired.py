"""Which of two models is better: yes, no, or cannot tell, and because of what.

A comparison is what `python -m eval versus` writes. For results of one list that hold every pair's
score it is found here by the same function, so that models side by side are always compared.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tqdm import tqdm

from eval.metrics.paired import compare
from eval.protocols.base import SCHEMA
from eval.report.band import scores_of
from eval.report.results import Series, data_of
from eval.report.shapes import bounds_of, has, number, rows_of

MOST_MODELS = 6
"""Of more models on one list only those of the highest accuracies are compared."""


@dataclass(frozen=True)
class Comparison:
    """Figures of two models on one list, from the same draws.

    Attributes:
        first: name of A.
        second: name of B.
        found: as `versus` writes it: `accuracy`, `tar_at_far`, `unit`, `draws`; differences B - A.
    """

    first: str
    second: str
    found: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """One figure of two models, the higher in accuracy first.

    Attributes:
        better: name of the model that is asked about.
        other: of the other.
        figure: `accuracy` or `TAR @ FAR ...`.
        values: of either.
        ci95: interval of the difference, better - other.
        answer: `yes`, `no` or `cannot tell`.
        because: the rest of the sentence.
    """

    better: str
    other: str
    figure: str
    values: tuple[float, float]
    ci95: tuple[float, float]
    answer: str
    because: str


def is_comparison(data: Any) -> bool:
    """Whether JSON data is what `python -m eval versus --out` writes."""
    return (
        isinstance(data, dict)
        and data.get("schema") == SCHEMA
        and isinstance(data.get("models"), list)
        and len(data["models"]) == 2
        and all(isinstance(one, dict) for one in data["models"])
        and isinstance(data.get("pairs"), dict)
        and _whole(data)
    )


def comparisons(series: list[Series], given: list[dict[str, Any]]) -> list[Comparison]:
    """Each two results of one list: as given, or found from their pair scores.

    Args:
        series: results of one list.
        given: comparisons of `versus`, of any lists.
    """
    able = [one for one in series if has(one.result, "accuracy")]
    able.sort(key=lambda one: -one.result["accuracy"]["mean"])
    able = sorted(able[:MOST_MODELS], key=series.index)
    known = {frozenset(map(_about, found["models"])): found for found in given if _on(found, able)}
    pairs = [(a, b) for a, b in combinations(able, 2) if _key(a) != _key(b)]
    made = []
    for a, b in tqdm(pairs, desc="comparing", unit="pair", delay=2, leave=False):
        found = known.get(frozenset((_key(a), _key(b))))
        if found is not None:
            ends = (a, b) if _about(found["models"][0]) == _key(a) else (b, a)
            made.append(Comparison(ends[0].label, ends[1].label, found))
        elif (found := _found(a, b)) is not None:
            made.append(Comparison(a.label, b.label, found))
    return made


def orphans(everything: list[Series], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Comparisons of which not both results are on the page."""
    there = {(_list_of(one), _key(one)) for one in everything}
    return [
        found
        for found in given
        if not all((found["pairs"].get("sha256"), _about(one)) in there for one in found["models"])
    ]


def verdicts(comparison: Comparison) -> list[Verdict]:
    """Each figure's answer to "is the model of higher accuracy the better one?"."""
    found = comparison.found
    names = [comparison.first, comparison.second]
    turned = found["accuracy"]["first"] >= found["accuracy"]["second"]  # A is asked about
    rows: list[tuple[str, dict[str, Any]]] = [("accuracy", found["accuracy"])]
    rows += [(f"TAR @ FAR {row['far']:g}", row) for row in found["tar_at_far"]]
    answers = []
    for figure, row in rows:
        values, (low, high) = (row["first"], row["second"]), row["ci95"]
        if turned:
            bounds = (-high, -low)
        else:
            values, bounds = values[::-1], (low, high)
        better, other = names if turned else names[::-1]
        answer, because = _answer(bounds, row, other)
        answers.append(Verdict(better, other, figure, values, bounds, answer, because))
    return answers


def _answer(bounds: tuple[float, float], row: dict[str, Any], other: str) -> tuple[str, str]:
    low, high = bounds
    shown = f"{low:+.4f} to {high:+.4f}"
    if low > 0:
        return "yes", f"the interval of the difference, {shown}, lies above 0"
    if high < 0:
        return "no", f"{other} is: the interval of the difference, {shown}, lies below 0"
    if row.get("only_first") == row.get("only_second") == 0:
        return "cannot tell", "the two judge every pair alike"
    because = f"the interval of the difference, {shown}, holds 0"
    p: Any = row.get("mcnemar_p")
    if number(p) and p < 0.05:
        because += f" (McNemar's p = {p:.2g} would say so, but takes pairs as independent)"
    return "cannot tell", because


def _points(result: dict[str, Any]) -> dict[float, float]:
    """TAR by FAR, of the exact rule."""
    rows = result["tar_at_far"] if has(result, "tar_at_far") else []
    return {
        row["far"]: row["tar"]
        for row in rows
        if row.get("resolvable") and row.get("mode") == "exact"
    }


def _found(a: Series, b: Series) -> dict[str, Any] | None:
    one, two = scores_of(a.result), scores_of(b.result)
    if one is None or two is None or len(one.same_n) != len(two.same_n):
        return None
    if (one.same_n != two.same_n).any():
        return None
    points = _points(a.result), _points(b.result)
    both = [far for far in points[0] if far in points[1]]
    found = compare(one.judged, two.judged, one.same_n, one.people, both)
    for row in found["tar_at_far"]:
        row |= {"first": points[0][row["far"]], "second": points[1][row["far"]]}
    return found


def _whole(data: dict[str, Any]) -> bool:
    accuracy = data.get("accuracy")
    rows = data.get("tar_at_far")
    return (
        isinstance(accuracy, dict)
        and all(number(accuracy.get(key)) for key in ("first", "second"))
        and bounds_of(accuracy) is not None
        and isinstance(rows, list)
        and (not rows or rows_of(rows, "far", "first", "second"))
        and all(bounds_of(row) is not None for row in rows)
    )


def _about(model: dict[str, Any]) -> tuple[str, str, str]:
    facts = model.get("model")
    facts = facts if isinstance(facts, dict) else {}
    return str(facts.get("path")), str(facts.get("sha256")), str(model.get("compat"))


def _key(one: Series) -> tuple[str, str, str]:
    return _about({"model": one.result.get("model"), "compat": one.result.get("compat")})


def _list_of(one: Series) -> Any:
    pairs = data_of(one.result).get("pairs")
    return pairs.get("sha256") if isinstance(pairs, dict) else None


def _on(found: dict[str, Any], series: list[Series]) -> bool:
    return any(found["pairs"].get("sha256") == _list_of(one) for one in series)

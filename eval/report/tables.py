"""Tables of verification: summary, operating points, folds. Numbers are the results' own."""

from typing import Any

from eval.report.cells import NONE, decimals, interval, named, row, whole
from eval.report.results import Series, list_name, rule_name, title
from eval.report.shapes import bounds_of, has, number, rate_names, rows_of
from pages.tables import small, table
from pages.text import escape

_NOT = '<span class="quiet">not resolvable</span>'
_NAMES = {
    "tar": "True-accept rate",
    "vr": "Verification rate",
    "dir": "Detection and identification rate",
    "tpir": "True-positive identification rate",
    "far": "false-accept rates",
    "fpir": "false-positive identification rates",
}


def summary(series: list[Series], what: str = "Protocol") -> str:
    """Results of verification side by side, one row each; `what` heads their titles."""
    fars = sorted({far for one in series for far in _points(one)}, reverse=True)
    rows = [_summary_row(one, fars) for one in series]
    drawn = any(has(one.result, "bootstrap") for one in series)
    return table(
        "Accuracy is the mean over folds ± one standard error; brackets are 95 % intervals"
        + (", of accuracy with people (or pairs) drawn anew." if drawn else "."),
        ("Model", what, "Accuracy", "EER", "AUC", *(f"TAR @ FAR {far:g}" for far in fars)),
        rows,
        words=2,
    )


def rates(series: list[Series], key: str) -> str:
    """A rate at given rates in full: over trials, or with counts, thresholds and intervals."""
    of, at = rate_names(key)
    name = f"{_NAMES.get(of, of.upper())} at given {_NAMES[at]}"
    rows = [(one, point) for one in series for point in one.result[key]]
    if any("mean_less_std" in point for _, point in rows):
        return table(
            f"{name}, over trials. The published figure is the mean less the deviation.",
            ("Model", at.upper(), "Mean - deviation", "Mean", "Deviation", "Trials", "Range"),
            [row(one, _over_trials(point, at)) for one, point in rows],
        )
    counted = "Genuine accepted", "Impostors accepted"
    cells = [(one, _point(point, of, at)) for one, point in rows]
    head = ["Model", at.upper(), of.upper(), "95 % interval", "Threshold", *counted]
    if any(key == "tar_at_far" and has(one.result, "bootstrap") for one in series):
        head.insert(4, "95 % bootstrap")
        for (one, found), (_, point) in zip(cells, rows):
            found.insert(3, _drawn(one.result, point["far"]))
    over = ", over all pairs" if key == "tar_at_far" else ""
    least = _smallest(series) if key == "tar_at_far" else ""
    return table(f"{name}{over}.{least}", head, [row(one, found) for one, found in cells])


def folds(series: list[Series]) -> str:
    """Accuracy and threshold of every fold, a row a result."""
    count = max(len(one.result["accuracy"]["folds"]) for one in series)
    units = sorted({str(one.result["accuracy"].get("threshold_unit", "cosine")) for one in series})
    return table(
        "Accuracy of each fold and, beneath it, the threshold chosen on the other folds "
        f"({escape(', '.join(units))}).",
        ("Model", *(str(fold + 1) for fold in range(count))),
        [
            row(one, [_fold_cell(one.result["accuracy"], fold) for fold in range(count)])
            for one in series
        ],
    )


def rule_of(one: Series) -> str:
    """Whose rule, in words; nothing where there is no accuracy."""
    return f"rule: {escape(rule_name(one.result))}" if has(one.result, "accuracy") else ""


def _points(one: Series) -> dict[float, dict[str, Any]]:
    points = one.result["tar_at_far"] if has(one.result, "tar_at_far") else []
    return {point["far"]: point for point in points}


def _summary_row(one: Series, fars: list[float]) -> str:
    result, points = one.result, _points(one)
    accuracy = NONE
    if has(result, "accuracy"):
        found = result["accuracy"]
        accuracy = f"{found['mean']:.4f} ± {found['std_error']:.4f}"
        accuracy += small(_drawn_accuracy(result)) + small(rule_of(one))
    more = f"d′ {result['d_prime']:.3f}" if has(result, "d_prime") else ""
    auc = decimals(result.get("auc"), 5) + small(more)
    numbers = [accuracy, decimals(result.get("eer")), auc]
    numbers += [rate(points[far], "tar") if far in points else NONE for far in fars]
    cells = "".join(f'<td class="number">{one}</td>' for one in numbers)
    return (
        f'<tr><th scope="row">{named(one)}</th>'
        f"<td>{escape(title(result))}{small(escape(list_name(result)))}</td>{cells}</tr>"
    )


def rate(point: dict[str, Any], of: str) -> str:
    """One rate in short, its interval or its deviation beneath."""
    if number(point.get("mean_less_std")):
        parts = f"{decimals(point.get('mean'))} - {decimals(point.get('std'))}"
        return decimals(point["mean_less_std"]) + small(parts)
    value = _value(point, of)
    if value is None:
        few = point.get("impostors")
        return _NOT + small(f"{few:,} impostors" if number(few) else "")
    return decimals(value) + small(interval(bounds_of(point)))


def _value(point: dict[str, Any], of: str) -> Any:
    """The rate itself; tables of other rates may call it `tar` too."""
    return point.get(of, point.get("tar"))


def _point(point: dict[str, Any], of: str, at: str) -> list[str]:
    of_all = _of(point.get("genuine")), _of(point.get("impostors"))
    if _value(point, of) is None:
        none = f"none{of_all[1]} allowed" if of_all[1] else NONE
        return [f"{point[at]:g}", _NOT, NONE, NONE, NONE, none]
    return [
        f"{point[at]:g}",
        decimals(_value(point, of)),
        interval(bounds_of(point)),
        decimals(point.get("threshold")),
        whole(point.get("true_accepts")) + of_all[0],
        whole(point.get("false_accepts")) + of_all[1],
    ]


def _of(count: Any) -> str:
    return f" of {count:,}" if number(count) else ""


def _over_trials(point: dict[str, Any], at: str) -> list[str]:
    trials = [rate for rate in point.get("trials") or [] if number(rate)]
    low_high = f"{min(trials):.4f} to {max(trials):.4f}" if trials else NONE
    best = point.get("mean_less_std")
    return [
        f"{point[at]:g}",
        _NOT if best is None else f"<b>{decimals(best)}</b>",
        decimals(point.get("mean")),
        decimals(point.get("std")),
        str(len(point.get("trials") or [])),
        low_high,
    ]


def _drawn(result: dict[str, Any], far: float) -> str:
    """The bootstrap interval of TAR at a FAR."""
    if not has(result, "bootstrap"):
        return NONE
    drawn = result["bootstrap"]
    rows = drawn.get("tar_at_far")
    for found in rows if rows_of(rows, "far") else []:
        if found["far"] == far and bounds_of(found):
            unit = f"draws of {drawn['units']:,} {escape(str(drawn.get('unit', 'units')))}"
            return interval(bounds_of(found)) + small(unit)
    return NONE


def _drawn_accuracy(result: dict[str, Any]) -> str:
    if not has(result, "bootstrap"):
        return ""
    return interval(bounds_of(result["bootstrap"].get("accuracy")))


def _smallest(series: list[Series]) -> str:
    found = [one.result["smallest_far"] for one in series if has(one.result, "smallest_far")]
    if not found:
        return ""
    return (
        f" The smallest rate that can be resolved is that of one impostor pair, {min(found):.3g}."
    )


def _fold_cell(accuracy: dict[str, Any], fold: int) -> str:
    if fold >= len(accuracy["folds"]):
        return ""
    return decimals(accuracy["folds"][fold]) + small(decimals(accuracy["thresholds"][fold]))

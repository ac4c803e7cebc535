"""The report's tables. Numbers come from the results as they stand; text is escaped here."""

import re
from html import escape
from typing import Any

from eval.report.plots import DASHES, PALETTE
from eval.report.results import Series, list_name, rule_name

_NOT = '<span class="quiet">not resolvable</span>'


def summary(series: list[Series]) -> str:
    """All results side by side, one row each."""
    fars = sorted({p["far"] for one in series for p in one.result["tar_at_far"]}, reverse=True)
    head = "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in ("Accuracy", "EER", "AUC", *(f"TAR @ FAR {far:g}" for far in fars))
    )
    rows = "".join(_summary_row(one, fars) for one in series)
    return _table(
        "Accuracy is the mean over folds ± one standard error; brackets are 95 % intervals.",
        f'<th scope="col">Model</th><th scope="col">Protocol</th>{head}',
        rows,
    )


def operating_points(series: list[Series]) -> str:
    """TAR@FAR in full: counts, thresholds, intervals."""
    head = '<th scope="col">Model</th>' + "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in (
            "FAR", "TAR", "95 % interval", "Threshold", "Genuine accepted", "Impostors accepted",
        )
    )  # fmt: skip
    rows = "".join(_point_row(one, point) for one in series for point in one.result["tar_at_far"])
    return _table("True-accept rate at given false-accept rates, over all pairs.", head, rows)


def folds(series: list[Series]) -> str:
    """Accuracy and threshold of every fold, a row a result."""
    count = max(len(one.result["accuracy"]["folds"]) for one in series)
    head = '<th scope="col">Model</th>' + "".join(
        f'<th scope="col" class="number">{fold + 1}</th>' for fold in range(count)
    )
    rows = "".join(
        f'<tr><th scope="row">{named(one)}</th>'
        + "".join(_fold_cell(one.result["accuracy"], fold) for fold in range(count))
        + "</tr>"
        for one in series
    )
    units = sorted({one.result["accuracy"].get("threshold_unit", "cosine") for one in series})
    return _table(
        "Accuracy of each fold and, beneath it, the threshold chosen on the other folds "
        f"({escape(', '.join(units))}).",
        head,
        rows,
    )


def provenance(one: Series) -> str:
    """What was run on what: files, hashes, commands."""
    data, model = one.result["data"], one.result["model"] or {}
    pairs, embeddings = data["pairs"], data["embeddings"]
    images = data.get("images") or {}
    transform = data.get("transform") or {}
    facts = (
        ("Model", model.get("path"), model.get("kind"), _hash(model.get("sha256"))),
        ("Pair list", pairs["path"], f"{pairs['pairs']:,} pairs", _hash(pairs["sha256"])),
        (
            "Embeddings",
            embeddings["path"],
            f"{embeddings['count']:,} of {embeddings['dim']} numbers",
            _hash(embeddings["sha256"]),
        ),
        ("Images", images.get("source"), _images(images)),
        ("Fusion", data.get("fusion")),
        ("Transform", ", ".join(f"{key} {value}" for key, value in transform.items())),
        ("Rule", rule_name(one.result)),
        ("Extracted by", embeddings.get("command")),
        ("Judged by", one.result["command"]),
    )
    items = "".join(
        f"<dt>{name}</dt><dd>{_fact(name, values)}</dd>" for name, *values in facts if any(values)
    )
    title = f"{escape(one.label)}, {_rule(one)}"
    return (
        f'<details><summary>{title}</summary><div class="scroll"><dl>{items}</dl></div></details>\n'
    )


def swatch(one: Series) -> str:
    """A short line in a result's colour and dash."""
    dash = DASHES[one.colour // PALETTE % len(DASHES)]
    pattern = "" if isinstance(dash, str) else " ".join(str(2 * step) for step in dash[1])
    return (
        '<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">'
        f'<line x1="0" y1="5" x2="28" y2="5" stroke-width="4" stroke-dasharray="{pattern}" '
        f'stroke="var(--series-{one.colour % PALETTE + 1})"></line></svg>'
    )


def named(one: Series) -> str:
    """A result's colour and name."""
    return f'<span class="model">{swatch(one)}<span>{breakable(one.label)}</span></span>'


def breakable(text: str) -> str:
    """Escaped text whose long names may break after a slash, underscore or comma."""
    return re.sub(r"([/_,])", r"\1<wbr>", escape(text))


def _summary_row(one: Series, fars: list[float]) -> str:
    result = one.result
    points = {point["far"]: point for point in result["tar_at_far"]}
    accuracy = f"{_plus_minus(result)}<small>{_rule(one)}</small>"
    numbers = [accuracy, f"{result['eer']:.4f}", f"{result['auc']:.5f}"]
    for far in fars:
        point = points.get(far)
        numbers.append("–" if point is None else _rate(point))
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return (
        f'<tr><th scope="row">{named(one)}</th>'
        f"<td>{escape(str(result['title']))}<small>{escape(list_name(result))}</small></td>"
        f"{cells}</tr>"
    )


def _rate(point: dict[str, Any]) -> str:
    if not point["resolvable"]:
        return f"{_NOT}<small>{point['impostors']:,} impostors</small>"
    return f"{point['tar']:.4f}<small>{_interval(point)}</small>"


def _point_row(one: Series, point: dict[str, Any]) -> str:
    accepted = f"of {point['genuine']:,}", f"of {point['impostors']:,}"
    if point["resolvable"]:
        values = [
            f"{point['tar']:.4f}",
            _interval(point),
            f"{point['threshold']:.4f}",
            f"{point['true_accepts']:,} {accepted[0]}",
            f"{point['false_accepts']:,} {accepted[1]}",
        ]
    else:
        values = [_NOT, "–", "–", "–", f"none {accepted[1]} allowed"]
    cells = "".join(f'<td class="number">{value}</td>' for value in (f"{point['far']:g}", *values))
    return f'<tr><th scope="row">{named(one)}</th>{cells}</tr>'


def _fold_cell(accuracy: dict[str, Any], fold: int) -> str:
    if fold >= len(accuracy["folds"]):
        return "<td></td>"
    return (
        f'<td class="number">{accuracy["folds"][fold]:.4f}'
        f"<small>{accuracy['thresholds'][fold]:.4f}</small></td>"
    )


def _plus_minus(result: dict[str, Any]) -> str:
    accuracy = result["accuracy"]
    return f"{accuracy['mean']:.4f} ± {accuracy['std_error']:.4f}"


def _rule(one: Series) -> str:
    return f"rule: {escape(rule_name(one.result))}"


def _interval(point: dict[str, Any]) -> str:
    low, high = point["ci95"]
    return f"[{low:.4f}, {high:.4f}]"


def _images(images: dict[str, Any]) -> str | None:
    return f"{images['count']:,} images" if isinstance(images.get("count"), int) else None


def _hash(value: Any) -> str | None:
    return f"SHA-256 {value}" if value else None


def _fact(name: str, values: list[Any]) -> str:
    text = "<br>".join(escape(str(value)) for value in values if value)
    return f"<code>{text}</code>" if name.endswith("by") else text


def _table(caption: str, head: str, rows: str) -> str:
    return (
        f'<div class="scroll"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )

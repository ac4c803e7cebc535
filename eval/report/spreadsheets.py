"""Results as CSV files: every number as the result has it, one file for each kind of figure."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data_prep.files import write_text
from eval.report.paired import Comparison, verdicts
from eval.report.results import Series, list_name, rule_name, title
from eval.report.shapes import has, number, rate_keys, rate_names

_NUMBERS = ("accuracy", "auc", "eer", "d_prime", "smallest_far", "rank1", "nmi", "spread")
Row = dict[str, Any]


def write_tables(
    folder: str | os.PathLike[str], series: list[Series], compared: list[Comparison]
) -> list[Path]:
    """Writes `figures.csv`, `rates.csv`, `roc.csv`, ... of what the results hold.

    Cells of text that a spreadsheet would take for a formula get a quote before them.

    Args:
        folder: where; it is made.
        series: results.
        compared: comparisons of them.

    Returns:
        The files.

    Raises:
        OSError: they cannot be written.
    """
    written = []
    for name, rows_of in _FILES.items():
        rows = [_about(one) | row for one in series for row in rows_of(one.result)]
        if rows:
            written.append(_write(Path(folder) / f"{name}.csv", rows))
    rows = [_compared(one) for comparison in compared for one in verdicts(comparison)]
    if rows:
        written.append(_write(Path(folder) / "compared.csv", rows))
    return written


def _figures(result: dict[str, Any]) -> Iterator[Row]:
    for key in _NUMBERS:
        if has(result, key):
            values = result[key] if isinstance(result[key], dict) else {"": result[key]}
            for name, value in values.items():
                if number(value):
                    yield {"figure": f"{key}.{name}".rstrip("."), "value": value}


def _rates(result: dict[str, Any]) -> Iterator[Row]:
    for key in rate_keys(result):
        of, at = rate_names(key)
        for point in result[key]:
            low, high = point.get("ci95") or (None, None)
            yield {
                "rate": of,
                "at": at,
                "wanted": point[at],
                "value": point.get("mean_less_std", point.get(of, point.get("tar"))),
                "low": low,
                "high": high,
                **{name: point.get(name) for name in ("threshold", "true_accepts", "genuine")},
                **{name: point.get(name) for name in ("false_accepts", "impostors")},
            }


def _columns(key: str, *names: str) -> Callable[[dict[str, Any]], Iterator[Row]]:
    def rows(result: dict[str, Any]) -> Iterator[Row]:
        if has(result, key):
            lists = {name: result[key].get(name) for name in names}
            full = {name: values for name, values in lists.items() if isinstance(values, list)}
            for values in zip(*full.values()):
                yield dict(zip(full, values))

    return rows


def _folds(result: dict[str, Any]) -> Iterator[Row]:
    found = _columns("accuracy", "folds", "thresholds")(result)
    for fold, row in enumerate(found, start=1):
        yield {"fold": fold, "accuracy": row["folds"], "threshold": row["thresholds"]}


def _histogram(result: dict[str, Any]) -> Iterator[Row]:
    if has(result, "histogram"):
        found = result["histogram"]
        edges = found["edges"]
        for row in zip(edges, edges[1:], found["genuine"], found["impostor"]):
            yield dict(zip(("from", "to", "genuine", "impostor"), row))


def _identification(result: dict[str, Any]) -> Iterator[Row]:
    for key, names in (("identification", ("distractors", "rank1")), ("recall", ("k", "recall"))):
        for row in result[key] if has(result, key) else []:
            low, high = row.get("ci95") or (None, None)
            yield {"of": names[0], "count": row[names[0]], "share": row[names[1]]} | {
                "low": low,
                "high": high,
            }


def _hardest(result: dict[str, Any]) -> Iterator[Row]:
    if has(result, "hardest"):
        for kind in ("genuine", "impostor"):
            for pair in result["hardest"][kind]:
                first, second = [*pair["names"], "", ""][:2]
                yield {"kind": kind, "score": pair["score"], "correct": pair.get("correct")} | {
                    "fold": pair["fold"],
                    "line": pair["line"],
                    "first": first,
                    "second": second,
                }


_FILES: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "figures": _figures,
    "rates": _rates,
    "folds": _folds,
    "roc": _columns("roc", "far", "tar", "threshold"),
    "histogram": _histogram,
    "cmc": _columns("cmc", "rank", "recall", "recall_favourable"),
    "searches": _identification,
    "hardest": _hardest,
}


def _about(one: Series) -> Row:
    rule = rule_name(one.result) if has(one.result, "accuracy") else ""
    lists = list_name(one.result)
    return {"model": one.label, "protocol": title(one.result), "list": lists, "rule": rule}


def _compared(one: Any) -> Row:
    return {
        "model": one.better,
        "other": one.other,
        "figure": one.figure,
        "value": one.values[0],
        "other_value": one.values[1],
        "low": one.ci95[0],
        "high": one.ci95[1],
        "better": one.answer,
        "because": one.because,
    }


def _write(path: Path, rows: list[Row]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_text(path, file.getvalue())
    return path


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return f"'{value}"
    return value

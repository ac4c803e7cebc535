"""What can be drawn of a result: by its keys and their shapes, whatever the protocol's name."""

import re
from collections.abc import Callable
from typing import Any

_RATE = re.compile(r"([a-z]+)_at_(far|fpir)")


def has(result: dict[str, Any], *keys: str) -> bool:
    """Whether the result holds all these keys in the shapes in which they can be drawn."""
    return all(key in result and _shape(key)(result[key]) for key in keys)


def rate_keys(result: dict[str, Any]) -> list[str]:
    """Tables of a rate at another (`tar_at_far`, `dir_at_far`, `tpir_at_fpir`), as they come."""
    return [key for key in result if _RATE.fullmatch(key) and has(result, key)]


def rate_names(key: str) -> tuple[str, str]:
    """`tar` and `far` of `tar_at_far`."""
    found = _RATE.fullmatch(key)
    assert found is not None
    return found[1], found[2]


def number(value: Any) -> bool:
    """Whether it is a number that is no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def count_of(result: dict[str, Any], name: str) -> Any:
    """One of its counts: a number, or numbers of several trials; None where it is not given."""
    return result["counts"].get(name) if has(result, "counts") else None


def bounds_of(row: Any) -> list[float] | None:
    """The 95 % interval of a row, if it gives one."""
    bounds = row.get("ci95") if isinstance(row, dict) else None
    return bounds if isinstance(bounds, list) and len(bounds) == 2 and _numbers(bounds) else None


def rows_of(value: Any, *keys: str) -> bool:
    """Whether it is a list, not empty, of rows with a number at each of these keys."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and all(number(row.get(k)) for k in keys) for row in value)
    )


def rows_alike(value: dict[str, Any], *keys: str) -> bool:
    """Whether it holds a list of numbers at each of these keys, all equally long."""
    return _columns(*keys)(value)


def _numbers(value: Any) -> bool:
    # by types, since a curve may have a million points
    return isinstance(value, list) and bool(value) and set(map(type, value)) <= {int, float}


def _columns(*keys: str) -> Callable[[Any], bool]:
    """A dict of lists of numbers, all equally long."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict) or not all(_numbers(value.get(key)) for key in keys):
            return False
        return len({len(value[key]) for key in keys}) == 1

    return fits


def _accuracy(value: Any) -> bool:
    return _columns("folds", "thresholds")(value) and all(
        number(value.get(key)) for key in ("mean", "std_error")
    )


def _histogram(value: Any) -> bool:
    return (
        _columns("genuine", "impostor")(value)
        and _numbers(value.get("edges"))
        and len(value["edges"]) == len(value["genuine"]) + 1
        and sum(value["genuine"]) + sum(value["impostor"]) > 0
    )


def _hardest(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(kind), list)
        and all(
            isinstance(pair, dict)
            and all(number(pair.get(key)) for key in ("score", "fold", "line"))
            and all(isinstance(pair.get(key), list) for key in ("names", "thumbnails"))
            for pair in value[kind]
        )
        for kind in ("genuine", "impostor")
    )


def _groups(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and "group" in one and isinstance(one.get("result"), dict)
            for one in value
        )
    )


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(number(one) or _numbers(one) for one in value.values())


def _numbered(*keys: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(number(value.get(key)) for key in keys)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "accuracy": _accuracy,
    "auc": number,
    "eer": number,
    "d_prime": number,
    "smallest_far": number,
    "rank1": number,
    "bootstrap": _numbered("units", "draws"),
    "roc": _columns("far", "tar"),
    "cmc": _columns("rank", "recall"),
    "histogram": _histogram,
    "hardest": _hardest,
    "identification": lambda value: rows_of(value, "distractors", "rank1"),
    "recall": lambda value: rows_of(value, "k", "recall"),
    "nmi": _numbered("arithmetic"),
    "groups": _groups,
    "spread": _numbered("mean"),
    "counts": _counts,
}


def _shape(key: str) -> Callable[[Any], bool]:
    if _RATE.fullmatch(key):
        return lambda value: rows_of(value, rate_names(key)[1])
    return _SHAPES.get(key, lambda value: False)


_ELSEWHERE = frozenset(
    ("schema", "protocol", "title", "compat", "data", "model", "command", "notes", "pair_scores")
)
"""What the page shows in other places; pair scores are for `python -m eval versus`."""


def others(result: dict[str, Any], most: int = 100) -> list[tuple[str, str]]:
    """Name and value of what no table or figure shows, so that nothing is silently left out.

    Args:
        result: the JSON data.
        most: rows to give; a last one says how many there are beyond.
    """
    unseen = {
        key: value
        for key, value in result.items()
        if key not in _ELSEWHERE and value is not None and not has(result, key)
    }
    rows = [row for key, value in unseen.items() for row in _flat(str(key), value)]
    if len(rows) > most:
        rows = [*rows[:most], ("and more", f"{len(rows) - most:,} values, in the JSON file")]
    return rows


def _flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, one in value.items() for row in _flat(f"{name}.{key}", one)]
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        rows = enumerate(value, start=1)
        return [row for place, one in rows for row in _flat(f"{name}[{place}]", one)]
    if isinstance(value, list):
        some = ", ".join(str(one) for one in value[:10])
        return [(name, some if len(value) <= 10 else f"{some}, … ({len(value):,} values)")]
    text = str(value)
    return [(name, text if len(text) <= 200 else f"{text[:200]}… ({len(text):,} characters)")]

"""Reading results back and telling them apart on the page."""

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from data_prep.files import read_json
from eval.protocols.verification import SCHEMA

_KEYS = (
    "protocol", "title", "compat", "counts", "accuracy", "auc", "eer", "tar_at_far", "roc",
    "histogram", "hardest", "data", "model", "command", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One result as it is shown: its name and its colour are the same all over the page.

    Attributes:
        label: model, with what else is needed to tell it from the others.
        colour: place in the palette, from 0; one a label.
        result: the JSON data.
    """

    label: str
    colour: int
    result: dict[str, Any]


def read_result(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `python -m eval run` wrote.

    Raises:
        ValueError: it is not such a file, or of another version.
    """
    result = read_json(path)
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise ValueError(
            f'{path}: expected a result with "schema": {SCHEMA}; write it with "python -m eval run"'
        )
    missing = [key for key in _KEYS if key not in result]
    if missing:
        raise ValueError(
            f"{path}: not a whole result, {missing[0]!r} is missing; run the protocol again"
        )
    return result


def series_of(results: list[dict[str, Any]]) -> list[Series]:
    """Names and colours: the model's name, and as much more as tells results apart.

    Different models never share a name; results of one model do, unless one list holds it twice.
    """
    labels = [model_name(result) for result in results]
    labels = _told_apart(labels, [""] * len(results), [_path(result) for result in results])
    labels = _told_apart(labels, [""] * len(results), [_model_hash(result) for result in results])
    sections = [str(section_of(result)) for result in results]
    for more in (_fusion, _rule, _checksum):
        labels = _told_apart(labels, sections, [more(result) for result in results])
    colours = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return [Series(label, colours[label], result) for label, result in zip(labels, results)]


def _told_apart(labels: list[str], groups: list[str], facts: list[str]) -> list[str]:
    """Appends the fact to every label that, within some group, stands for different facts."""
    seen: dict[tuple[str, str], set[str]] = {}
    for label, group, fact in zip(labels, groups, facts):
        seen.setdefault((label, group), set()).add(fact)
    unclear = {label for (label, _), found in seen.items() if len(found) > 1}
    return [f"{label}, {fact}" if label in unclear else label for label, fact in zip(labels, facts)]


def section_of(result: dict[str, Any]) -> tuple[str, str]:
    """Protocol and hash of its list: only results alike in both belong side by side."""
    return result["protocol"], result["data"]["pairs"]["sha256"]


def model_name(result: dict[str, Any]) -> str:
    """The last part of the model's path."""
    return PurePath(_path(result)).name or _path(result)


def list_name(result: dict[str, Any]) -> str:
    """The file name of the pair list."""
    return PurePath(str(result["data"]["pairs"]["path"])).name


def rule_name(result: dict[str, Any]) -> str:
    """Whose rule the accuracy follows."""
    return str(result["compat"] or "likeness")


def _path(result: dict[str, Any]) -> str:
    return str((result["model"] or {}).get("path") or "unnamed model")


def _model_hash(result: dict[str, Any]) -> str:
    return "model " + str((result["model"] or {}).get("sha256"))[:8]


def _fusion(result: dict[str, Any]) -> str:
    return str(result["data"].get("fusion") or "fusion unknown")


def _rule(result: dict[str, Any]) -> str:
    return f"rule {rule_name(result)}"


def _checksum(result: dict[str, Any]) -> str:
    return f"embeddings {result['data']['embeddings']['sha256'][:8]}"

"""Reading results back and telling them apart on the page."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from data_prep.files import read_json
from eval.protocols.base import RESULT, SCHEMA
from eval.report.shapes import has

_KINDS = {"protocol": str, "data": dict, "model": dict, "notes": list}


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
    """Reads what `python -m eval run` wrote, of any protocol.

    Raises:
        ValueError: it is not such a file, or of another version.
    """
    result = read_json(path, RESULT)
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise ValueError(
            f'{path}: expected a result with "schema": {SCHEMA}; write it with "python -m eval run"'
        )
    if "kind" in result:
        raise ValueError(
            f"{path}: is a {result['kind']}; a report takes what "
            '"python -m eval run" or "versus --out" writes'
        )
    if "protocol" not in result:
        raise ValueError(
            f"{path}: not a whole result, 'protocol' is missing; a report takes what "
            '"python -m eval run" writes'
        )
    for one in unfolded([result]):
        for key, kind in _KINDS.items():
            if one.get(key) is not None and not isinstance(one[key], kind):
                raise ValueError(
                    f"{path}: not a whole result, {key!r} is not as run writes it; run the "
                    "protocol again"
                )
    return result


def unfolded(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each result, followed by the whole results within it: groups, and figures without noise."""
    return [part for result in results for part in _parts(result)]


def groups_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of its groups, which are named in their titles; none where it has no groups."""
    if not has(result, "groups"):
        return []
    return [
        {**each["result"], "title": f"{title(each['result'])}, {each['group']}"}
        for each in result["groups"]
    ]


def _parts(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    dropped = result.get("dropped")
    if not isinstance(dropped, dict):
        yield result
    else:
        yield {**result, "dropped": None}
        yield {
            **result,
            "dropped": None,
            **dropped,
            "title": f"{title(result)}, without noisy probes",
        }
    yield from groups_of(result)


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
    """Protocol and what was judged: only results alike in both belong side by side.

    What was judged is known by the hash of the pair list, or else by title, lists and counts.
    """
    pairs = data_of(result).get("pairs")
    if isinstance(pairs, dict) and "sha256" in pairs:
        return str(result.get("protocol")), str(pairs["sha256"])
    about = {
        "title": title(result),
        "lists": [one.get("sha256") for one in lists_of(result)],
        "counts": result.get("counts"),
    }
    return str(result.get("protocol")), json.dumps(about, sort_keys=True)


def title(result: dict[str, Any]) -> str:
    """The protocol's title, or its name."""
    return str(result.get("title") or result.get("protocol"))


def data_of(result: dict[str, Any]) -> dict[str, Any]:
    """Facts on the data, empty where the result has none."""
    data = result.get("data")
    return data if isinstance(data, dict) else {}


def lists_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The files that define what was judged, of its groups too: path and sha256 of each."""
    found = list(_lists(data_of(result)))
    return found + [one for group in groups_of(result) for one in lists_of(group)]


def _lists(data: Any) -> Iterator[dict[str, Any]]:
    """Whatever has a path and a hash and is no embeddings, which have dimensions."""
    if isinstance(data, list):
        for one in data:
            yield from _lists(one)
    elif isinstance(data, dict):
        if isinstance(data.get("path"), str) and "sha256" in data and "dim" not in data:
            yield data
        for one in data.values():
            yield from _lists(one)


def model_name(result: dict[str, Any]) -> str:
    """The last part of the model's path."""
    return PurePath(_path(result)).name or _path(result)


def list_name(result: dict[str, Any]) -> str:
    """The file names of the lists, empty where there is none."""
    return ", ".join(dict.fromkeys(PurePath(one["path"]).name for one in lists_of(result)))


def rule_name(result: dict[str, Any]) -> str:
    """Whose rule the accuracy follows."""
    return str(result.get("compat") or "likeness")


def _path(result: dict[str, Any]) -> str:
    return str((result.get("model") or {}).get("path") or "unnamed model")


def _model_hash(result: dict[str, Any]) -> str:
    return "model " + str((result.get("model") or {}).get("sha256"))[:8]


def _fusion(result: dict[str, Any]) -> str:
    return str(data_of(result).get("fusion") or "fusion unknown")


def _rule(result: dict[str, Any]) -> str:
    return f"rule {rule_name(result)}"


def _checksum(result: dict[str, Any]) -> str:
    for one in (result, *groups_of(result)):
        embeddings = data_of(one).get("embeddings")
        if isinstance(embeddings, dict):
            return f"embeddings {str(embeddings.get('sha256'))[:8]}"
    return "embeddings unknown"

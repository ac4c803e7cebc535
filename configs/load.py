"""From YAML files and `key=value` words to a checked TrainConfig."""

import difflib
import re
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from configs.schema import TrainConfig
from configs.yaml_file import parse, value

EXTENDS = "extends"
"""The key of a file that names the one it lies over, by a path relative to itself."""

Places = dict[str, str]
"""Where each dotted key was set: a file and line, or a word of the command line."""


def load(path: str | Path | None, overrides: list[str]) -> TrainConfig:
    """The configuration of a YAML file (and those it `extends`), then of `key=value` words.

    Raises:
        ValueError: an unknown key (with the nearest name), a wrong type or a value out of bounds;
            the message names the file and line, or the word.
        FileNotFoundError: no such file.
    """
    tree, places = ({}, {}) if path is None else _read(Path(path), ())
    for word in overrides:
        _set(tree, places, word)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig, as_group=False)
    try:
        checked = parser.parse_object(tree)
        built = parser.instantiate(checked)
        return TrainConfig(**vars(built))
    except ArgumentError as error:
        message = _plain(str(error))
    except ValueError as error:
        message = str(error)
    origin = str(path) if path is not None else "settings"
    raise ValueError(f"{_place(message, places) or origin}: {message}")


def to_yaml(config: TrainConfig) -> str:
    """The whole configuration, every default filled in."""
    return yaml.safe_dump(asdict(config), sort_keys=False)


def dotted_keys(kind: type = TrainConfig, prefix: str = "") -> list[str]:
    """Every setting, such as optim.lr; sections themselves are left out."""
    found = []
    for key, hint in _hints(kind).items():
        section = isinstance(hint, type) and is_dataclass(hint)
        found += dotted_keys(hint, f"{prefix}{key}.") if section else [prefix + key]
    return found


def _plain(message: str) -> str:
    """The parser's word on a wrong type, in the form of all our errors."""
    found = re.search(r'Parser key "(.*?)":\s*Expected an? (.*?)\. Got value: (.*)', message, re.S)
    if not found:
        return message
    key, expected, got = found.groups()
    expected = re.sub(r"<class '(\w+)'>", r"\1", expected).replace("typing.", "")
    return f"{key}: expected {expected}, got {got}"


def _place(message: str, places: Places) -> str | None:
    """Where the key was set that a message begins with; a default was set nowhere."""
    return places.get(message.partition(":")[0])


def _read(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], Places]:
    """One file laid over the one it extends, and where each key was set."""
    if path.resolve() in below:
        raise ValueError(f"{path}: extends itself, by way of {below[-1]}")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: expected settings such as configs/presets/demo.yaml, found no such file"
        ) from None
    tree, lines = parse(text, str(path))
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ValueError(f"{path}: expected keys with values, got {type(tree).__name__}")
    places = {key: f"{path}, line {line}" for key, line in lines.items()}
    base = tree.pop(EXTENDS, None)
    _check_keys(tree, TrainConfig, places, "")
    if base is None:
        return tree, places
    if not isinstance(base, str):
        raise ValueError(f"{places[EXTENDS]}: {EXTENDS}: expected a file's path, got {base!r}")
    under, earlier = _read(path.parent / base, (*below, path.resolve()))
    return _merge(under, tree), earlier | places


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, section by section. A loss of another name keeps no old settings."""
    merged = dict(under)
    for key, new in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if key == "loss" and new.get("name", old.get("name")) != old.get("name"):
                old = {k: v for k, v in old.items() if k != "args"}
            new = _merge(old, new)
        merged[key] = new
    return merged


def _set(tree: dict[str, Any], places: Places, word: str) -> None:
    """Applies one `section.key=value`; the value is read as YAML."""
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ValueError(f"{word!r}: expected key=value, for example optim.lr=0.1")
    where = f"word {word!r}"
    nested: Any = value(text, where)
    parts = key.split(".")
    for part in reversed(parts):
        nested = {part: nested}
    here = {".".join(parts[:depth]): where for depth in range(1, len(parts) + 1)}
    _check_keys(nested, TrainConfig, here, "")
    tree.update(_merge(tree, nested))
    places.update(here)


def _hints(kind: type) -> dict[str, Any]:
    """Type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _check_keys(tree: dict[str, Any], kind: type, places: Places, prefix: str) -> None:
    """Refuses a key that `kind` does not have, with the nearest that there is."""
    known = _hints(kind)
    for key, inner in tree.items():
        name = f"{prefix}{key}"
        where = places[name]
        if key not in known:
            raise ValueError(f"{where}: unknown key {name!r}; {_hint(str(key), prefix, known)}")
        if is_dataclass(known[key]):
            if not isinstance(inner, dict):
                raise ValueError(f"{where}: {name} is a section, expected keys, got {inner!r}")
            _check_keys(inner, known[key], places, f"{name}.")


def _hint(key: str, prefix: str, known: dict[str, Any]) -> str:
    """What may have been meant: the same name elsewhere, or the nearest here, or there."""
    every = dotted_keys()
    same = [name for name in every if name.rpartition(".")[2] == key]
    near = same or [prefix + name for name in difflib.get_close_matches(key, known, n=1)]
    near = near or difflib.get_close_matches(prefix + key, every, n=1)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"known: {', '.join(known)}"

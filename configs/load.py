"""From YAML files and `key=value` words to a checked TrainConfig."""

import difflib
import re
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from configs.schema import TrainConfig


def load(path: str | Path | None, overrides: list[str]) -> TrainConfig:
    """The configuration of a YAML file (and those it `extends`), then of `key=value` words.

    Raises:
        ValueError: an unknown key (with the nearest name), a wrong type or a value out of bounds;
            the message names the file or word.
        FileNotFoundError: no such file.
    """
    tree: dict[str, Any] = {} if path is None else _read(Path(path), ())
    origin = str(path) if path is not None else "settings"
    for word in overrides:
        _set(tree, word)
    if overrides:
        origin += f" with {' '.join(overrides)}"
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig, as_group=False)
    try:
        checked = parser.parse_object(tree)
        built = parser.instantiate(checked)
        return TrainConfig(**vars(built))
    except ArgumentError as error:
        raise ValueError(f"{origin}: {_plain(str(error))}") from None
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from None


def _plain(message: str) -> str:
    """The parser's word on a wrong type, in the form of all our errors."""
    found = re.search(r'Parser key "(.*?)":\s*Expected an? (.*?)\. Got value: (.*)', message, re.S)
    if not found:
        return message
    key, expected, got = found.groups()
    expected = re.sub(r"<class '(\w+)'>", r"\1", expected).replace("typing.", "")
    return f"{key}: expected {expected}, got {got}"


def to_yaml(config: TrainConfig) -> str:
    """The whole configuration, every default filled in."""
    return yaml.safe_dump(asdict(config), sort_keys=False)


def _read(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """One file laid over the one it extends (a path relative to it)."""
    if path.resolve() in below:
        raise ValueError(f"{path}: extends itself, by way of {below[-1]}")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"{path}: expected keys with values, got {type(tree).__name__}")
    base = tree.pop("extends", None)
    _check_keys(tree, TrainConfig, str(path), "")
    if base is None:
        return tree
    return _merge(_read(path.parent / base, (*below, path.resolve())), tree)


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, section by section. A loss of another name keeps no old settings."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            if key == "loss" and value.get("name", old.get("name")) != old.get("name"):
                old = {k: v for k, v in old.items() if k != "args"}
            value = _merge(old, value)
        merged[key] = value
    return merged


def _set(tree: dict[str, Any], word: str) -> None:
    """Applies one `section.key=value`; the value is read as YAML."""
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ValueError(f"{word!r}: expected key=value, for example optim.lr=0.1")
    nested: Any = yaml.safe_load(text)
    for part in reversed(key.split(".")):
        nested = {part: nested}
    _check_keys(nested, TrainConfig, f"word {word!r}", "")
    tree.update(_merge(tree, nested))


def _check_keys(tree: dict[str, Any], kind: type, where: str, prefix: str) -> None:
    """Refuses a key that `kind` does not have, with the nearest that it has."""
    known = {f.name: get_type_hints(kind)[f.name] for f in fields(kind)}
    for key, value in tree.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix + near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"{where}: unknown key {prefix + str(key)!r}; {hint}")
        if is_dataclass(known[key]):
            if not isinstance(value, dict):
                raise ValueError(
                    f"{where}: {prefix}{key} is a section, expected keys, got {value!r}"
                )
            _check_keys(value, known[key], where, f"{prefix}{key}.")

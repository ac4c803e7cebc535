"""The JSON schema of a YAML file of settings: editors complete and check by it."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from configs.describe import about, explanations
from configs.load import EXTENDS
from configs.schema import TrainConfig

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What YAML language servers read."""

_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}


def json_schema(
    names: Mapping[str, Sequence[str]], args: Mapping[str, Mapping[str, type]]
) -> dict[str, Any]:
    """The schema of a preset, from the dataclasses and their docstrings.

    Args:
        names: dotted key to the names that it may have, such as those of losses; a name that ends
            in `*` stands for all that begin so.
        args: dotted key, such as loss, to a table of that section's `name`s: each one's dataclass,
            whose fields are the keys of `args`.
    """
    schema = _section(TrainConfig, "", names)
    schema["properties"] = {
        EXTENDS: {
            "type": "string",
            "description": "The file whose settings these lie over; relative to this one.",
        }
    } | schema["properties"]
    for key, table in args.items():
        schema["properties"][key]["allOf"] = [
            _settings_of(name, kind) for name, kind in sorted(table.items())
        ]
    return {"$schema": DRAFT, "title": "Likeness training run"} | schema


def _section(kind: type, prefix: str, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """An object of a dataclass's fields, none of them required."""
    texts, hints = explanations(kind), get_type_hints(kind)
    properties: dict[str, Any] = {}
    for field in fields(kind):
        key, hint = f"{prefix}{field.name}", hints[field.name]
        if is_dataclass(hint):
            assert isinstance(hint, type)
            properties[field.name] = _section(hint, f"{key}.", names)
            continue
        form = _named(names[key], hint) if key in names else _form(hint)
        properties[field.name] = form | {
            "description": texts[field.name],
            "default": _default(field),
        }
    return {
        "type": "object",
        "description": about(kind),
        "additionalProperties": False,
        "properties": properties,
    }


def _form(hint: Any) -> dict[str, Any]:
    """A type as the schema says it."""
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return {"enum": list(inner)}
    if get_origin(hint) is list:
        return {"type": "array", "items": _form(inner[0])}
    if get_origin(hint) is dict:
        return {"type": "object"}
    return {"anyOf": [_form(one) for one in inner]}


def _named(names: Sequence[str], hint: Any) -> dict[str, Any]:
    """One of some names, of which those ending in * are beginnings; or a list, where one may be."""
    listed: dict[str, Any] = {"enum": [name for name in names if not name.endswith("*")]}
    begun = [{"pattern": f"^{name[:-1]}"} for name in names if name.endswith("*")]
    one = {"type": "string"} | ({"anyOf": [listed, *begun]} if begun else listed)
    return one if hint is str else {"anyOf": [one, {"type": "array", "items": one}]}


def _settings_of(name: str, kind: type) -> dict[str, Any]:
    """Where a section has this name, its `args` have these keys."""
    texts, hints = explanations(kind), get_type_hints(kind)
    settings: dict[str, Any] = {}
    for field in fields(kind):
        text = {"description": texts[field.name]} if field.name in texts else {}
        settings[field.name] = _form(hints[field.name]) | text | {"default": _default(field)}
    inside = {"additionalProperties": False, "properties": settings}
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {"properties": {"args": {"description": about(kind), **inside}}},
    }


def _default(field: Any) -> Any:
    return field.default if field.default is not MISSING else field.default_factory()

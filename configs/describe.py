"""What every setting means, from the docstrings of configs/schema.py: for `--print-config`."""

import inspect
import re
import textwrap
from dataclasses import fields, is_dataclass
from typing import Any

import yaml

from configs.schema import TrainConfig

_WIDTH = 100
_ENTRY = re.compile(r" {4}(\w+(?:, \w+)*): (.*)")


def explanations(kind: type) -> dict[str, str]:
    """Text of each field, from the `Attributes:` of a class and of those it inherits from."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__[:-1]):
        names: list[str] = []
        for line in _attributes(one):
            if entry := _ENTRY.fullmatch(line):
                names = entry.group(1).split(", ")
                found |= dict.fromkeys(names, entry.group(2).strip())
            else:
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def about(kind: type) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())


def to_commented_yaml(config: TrainConfig) -> str:
    """The whole configuration, each setting below a comment that says what it is."""
    head = f"# {about(TrainConfig)}\n"
    return head + "".join(f"\n{block}" for block in _blocks(config, 0))


def _attributes(kind: type) -> list[str]:
    """Lines of a docstring's `Attributes:` section, indented by four."""
    lines = inspect.cleandoc(kind.__dict__.get("__doc__") or "").splitlines()
    if "Attributes:" not in lines:
        return []
    section = []
    for line in lines[lines.index("Attributes:") + 1 :]:
        if not line.startswith(" "):
            break
        section.append(line)
    return section


def _blocks(settings: Any, depth: int) -> list[str]:
    """Comment and value of each field; of a section with its fields below it."""
    texts, margin = explanations(type(settings)), "  " * depth
    blocks = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            inside = "".join(_blocks(value, depth + 1))
            blocks.append(f"{_comment(about(type(value)), margin)}{margin}{field.name}:\n{inside}")
        else:
            text = yaml.safe_dump({field.name: value}, sort_keys=False, width=1 << 20)
            blocks.append(_comment(texts[field.name], margin) + textwrap.indent(text, margin))
    return blocks


def _comment(text: str, margin: str) -> str:
    lead = f"{margin}# "
    return textwrap.fill(text, _WIDTH, initial_indent=lead, subsequent_indent=lead) + "\n"

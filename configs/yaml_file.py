"""YAML text to a tree of settings, with the line of every key."""

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, as YAML 1.2 and every reader expect; PyYAML takes it for a word."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parse(text: str, where: str) -> tuple[Any, dict[str, int]]:
    """The tree of a YAML document, and the line (from 1) of each dotted key, such as optim.lr.

    Raises:
        ValueError: not YAML, or a key that is given twice; `where` and the line are named.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        _walk(node, "", lines, where)
        tree = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}, line {mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{place}: not YAML: {problem}") from None
    finally:
        loader.dispose()
    return tree, lines


def value(text: str, where: str) -> Any:
    """One value, as it would stand behind a key.

    Raises:
        ValueError: not YAML; `where` is named.
    """
    return parse(text, where)[0]


def _walk(node: yaml.Node | None, prefix: str, lines: dict[str, int], where: str) -> None:
    """Notes the line of every key below a node."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, inner in node.value:
        name, line = f"{prefix}{key.value}", key.start_mark.line + 1
        if name in lines:  # YAML readers keep the last one without a word
            raise ValueError(
                f"{where}, line {line}: {name} is given twice, first on line {lines[name]}; "
                "leave one out"
            )
        lines[name] = line
        _walk(inner, f"{name}.", lines, where)

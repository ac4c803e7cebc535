"""What was run on what, and what else a result holds. Text is escaped here."""

from typing import Any

from eval.report.results import Series, data_of, rule_name
from eval.report.shapes import has, number, others
from pages.text import breakable, escape

_NAMES = {"pairs": "Pair list", "config": "Definition"}
_FOREMOST = ("pairs", "config", "labels", "embeddings")


def provenance(one: Series) -> str:
    """Files, hashes and commands."""
    data, model = data_of(one.result), one.result.get("model") or {}
    facts: list[tuple[str, list[str]]] = [("Model", _lines(model))]
    keys = [key for key in _FOREMOST if key in data] + [k for k in data if k not in _FOREMOST]
    for key in keys:
        name = _NAMES.get(key, str(key).replace("_", " ").capitalize())
        for value in data[key] if isinstance(data[key], list) else [data[key]]:
            facts.append((name, _lines(value)))
    embeddings = data.get("embeddings")
    facts += [
        ("Rule", [rule_name(one.result)] if has(one.result, "accuracy") else []),
        ("Extracted by", _lines(embeddings.get("command")) if isinstance(embeddings, dict) else []),
        ("Judged by", _lines(one.result.get("command"))),
    ]
    title = breakable(one.label)
    if has(one.result, "accuracy"):
        title += f", rule: {escape(rule_name(one.result))}"
    return _folded(title, [(name, lines) for name, lines in facts if lines])


def other_figures(one: Series) -> str:
    """What no table or figure shows, a line a value; empty where there is nothing."""
    rows = others(one.result)
    return _folded(breakable(one.label), [(name, [value]) for name, value in rows]) if rows else ""


def _folded(title: str, facts: list[tuple[str, list[str]]]) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{_fact(name, ls)}</dd>" for name, ls in facts)
    return (
        f'<details><summary>{title}</summary><div class="scroll"><dl>{items}</dl></div></details>\n'
    )


def _fact(name: str, lines: list[str]) -> str:
    text = "<br>".join(map(escape, lines))
    return f"<code>{text}</code>" if name.endswith("by") else text


def _lines(value: Any) -> list[str]:
    """A fact in words: path first, hash last; commands are given apart."""
    if value is None or value == "":
        return []
    if not isinstance(value, dict):
        return [str(value)]
    lines = [str(value[key]) for key in ("path", "source") if value.get(key)]
    plain = []
    for key, fact in value.items():
        if key in ("path", "source", "sha256", "command") or fact is None:
            continue
        if isinstance(fact, dict):
            lines += [f"{_words(key)}: {line}" for line in _lines(fact)]
        else:
            plain.append(_plain(key, fact))
    if plain:
        lines.append(", ".join(plain))
    return lines + ([f"SHA-256 {value['sha256']}"] if value.get("sha256") else [])


_COUNTED = {"count": "images", "pairs": "pairs", "folds": "folds", "images": "images"}


def _plain(key: str, fact: Any) -> str:
    if key == "dim":
        return f"{fact} numbers each"
    if key in _COUNTED and number(fact):
        return f"{fact:,} {_COUNTED[key]}"
    return str(fact) if key == "kind" else f"{_words(key)} {fact}"


def _words(key: str) -> str:
    return str(key).replace("_", " ")

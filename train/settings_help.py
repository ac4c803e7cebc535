"""The settings of a run as `--help` lists them: by section, with their defaults."""

import textwrap
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

from configs.describe import about
from configs.schema import TrainConfig

_WIDTH = 100
_MARGIN = "  "


def settings_text() -> str:
    """Every section with what it is about and its keys, a block of lines each."""
    hints = get_type_hints(TrainConfig)
    sections = [one for one in fields(TrainConfig) if is_dataclass(hints[one.name])]
    plain = [one for one in fields(TrainConfig) if one not in sections]
    blocks = [_block("settings (KEY=VALUE, with their defaults)", "", plain)]
    for section in sections:
        kind = hints[section.name]
        blocks.append(_block(f"{section.name}: {about(kind)}", f"{section.name}.", fields(kind)))
    return "\n".join(blocks)


def _block(title: str, prefix: str, keys: Any) -> str:
    words = [f"{prefix}{key.name}={_default(key)}" for key in keys]
    # Spaces within a word must not be broken at.
    joined = " ".join(word.replace(" ", "\0") for word in words)
    lines = textwrap.fill(
        joined,
        _WIDTH,
        initial_indent=_MARGIN * 2,
        subsequent_indent=_MARGIN * 2,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")
    return "\n".join([textwrap.fill(title, _WIDTH, subsequent_indent=_MARGIN), lines])


def _default(key: "Field[Any]") -> str:
    value = key.default_factory() if key.default_factory is not MISSING else key.default
    return str(value).lower() if isinstance(value, bool) else str(value)

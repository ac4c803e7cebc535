"""Grids of small pictures, which stand in the page itself as data URIs."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pages.text import escape

_PICTURE = re.compile(r"data:image/(?:jpeg|png);base64,[A-Za-z0-9+/]+=*")


@dataclass(frozen=True)
class Picture:
    """A picture and what is said of it.

    Attributes:
        data: `data:image/jpeg;base64,...` (or png); None, or anything else, for no picture.
        name: what it shows, in words: its text alternative.
        caption: HTML beneath it, or nothing.
    """

    data: str | None
    name: str
    caption: str = ""


def data_uri(encoded: bytes, kind: str = "jpeg") -> str:
    """The bytes of a JPEG or PNG file as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"


def image(data: object, name: str) -> str:
    """An `<img>` of a data URI; words where it is none, so that nothing is ever loaded."""
    if isinstance(data, str) and _PICTURE.fullmatch(data):
        return f'<img src="{data}" alt="{escape(name)}" title="{escape(name)}">'
    return f'<span class="nopicture" title="{escape(name)}">no picture</span>'


def grid(pictures: Sequence[Picture], label: str) -> str:
    """Pictures side by side; `label` says aloud what they are."""
    items = "".join(
        f"<li>{image(one.data, one.name)}<span>{one.caption}</span></li>" for one in pictures
    )
    return f'<ul class="pictures" aria-label="{escape(label)}">{items}</ul>'

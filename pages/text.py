"""Text on its way into HTML. Whatever comes from a file or a user goes through here."""

import re
from html import escape as _escape


def escape(text: object) -> str:
    """Text as HTML, in an element or between the quotes of an attribute."""
    return _escape(str(text), quote=True)


def breakable(text: object) -> str:
    """Escaped text whose long names may break after a slash, underscore or comma."""
    return re.sub(r"([/_,])", r"\1<wbr>", escape(text))


def tidy(value: float, digits: int = 10) -> str:
    """A number in few characters: `0.001`, `1e-5`, `20,000`."""
    text = f"{value:.{digits}g}"
    if 0 < abs(value) < 1e-3 and "e" not in text:
        text = f"{value:.{digits - 1}e}"
        head, tail = text.split("e")
        text = f"{head.rstrip('0').rstrip('.')}e{tail}"
    if "e" in text:
        head, tail = text.split("e")
        return f"{head}e{int(tail)}"
    return f"{float(text):,.0f}" if abs(value) >= 1e4 and float(text) == int(float(text)) else text

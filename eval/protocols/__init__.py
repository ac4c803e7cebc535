"""Protocols by name. One more = one file with `parse` and one row here."""

from eval.protocols import lfw, sllfw
from eval.protocols.pairs import PairProtocol

PROTOCOLS: dict[str, PairProtocol] = {
    "lfw": lfw.PROTOCOL,
    "sllfw": sllfw.PROTOCOL,
}
"""Rows by the name that `--protocol` takes."""

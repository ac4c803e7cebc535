"""Protocols by name. One more = one file that defines a Protocol (base.py) and one row here."""

from eval.protocols import (
    agedb,
    blufr,
    calfw,
    cfp,
    cplfw,
    ijb,
    ijb_1n,
    lfw,
    listed,
    megaface,
    retrieval,
    rfw,
    sllfw,
    trillion,
)
from eval.protocols.base import Protocol

PROTOCOLS: dict[str, Protocol] = {
    "lfw": lfw.PROTOCOL,
    "sllfw": sllfw.PROTOCOL,
    "calfw": calfw.PROTOCOL,
    "cplfw": cplfw.PROTOCOL,
    "cfp_fp": cfp.FP,
    "cfp_ff": cfp.FF,
    "agedb_30": agedb.PROTOCOL,
    "rfw": rfw.PROTOCOL,
    "rfw_group": rfw.GROUP,
    "pairs": listed.PROTOCOL,
    "blufr": blufr.PROTOCOL,
    "retrieval": retrieval.PROTOCOL,
    "megaface": megaface.PROTOCOL,
    "trillion": trillion.PROTOCOL,
    "ijb": ijb.PROTOCOL,
    "ijb_1n": ijb_1n.PROTOCOL,
}
"""Rows by the name that `--protocol` takes."""

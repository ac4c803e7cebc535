"""Losses by name. To add one: a file with formula and source, and a row here."""

from models.losses.angular import AM, SVAM, Arc, SVArc, SVSoftmax
from models.losses.base import Loss
from models.losses.plain import Coco, Softmax
from models.losses.virtual import Virtual

LOSSES: dict[str, type[Loss]] = {
    "softmax": Softmax,
    "am": AM,
    "arc": Arc,
    "sv": SVSoftmax,
    "sv_am": SVAM,
    "sv_arc": SVArc,
    "virtual": Virtual,
    "coco": Coco,
}

"""Losses by name. To add one: a file with formula and source, and a row here."""

from models.losses.angular import AM, Arc, Combined, CosFace
from models.losses.base import Loss
from models.losses.circle import Circle
from models.losses.drawn import ElasticArc, ElasticCos, Noisy
from models.losses.guided import MVAM, SVAM, Curricular, MVArc, SVArc, SVCombined, SVSoftmax
from models.losses.heated import HeatedBN, HeatedLN
from models.losses.multiplied import ASoftmax, LSoftmax
from models.losses.plain import Coco, NormFace, Softmax
from models.losses.quality import AdaFace, MagFace
from models.losses.virtual import Virtual

LOSSES: dict[str, type[Loss]] = {
    "softmax": Softmax,
    "normface": NormFace,
    "coco": Coco,
    "l_softmax": LSoftmax,
    "a_softmax": ASoftmax,
    "am": AM,
    "cosface": CosFace,
    "arc": Arc,
    "combined": Combined,
    "sv": SVSoftmax,
    "sv_am": SVAM,
    "sv_arc": SVArc,
    "sv_combined": SVCombined,
    "mv_am": MVAM,
    "mv_arc": MVArc,
    "curricular": Curricular,
    "virtual": Virtual,
    "heated_ln": HeatedLN,
    "heated_bn": HeatedBN,
    "noisy": Noisy,
    "elastic_cos": ElasticCos,
    "elastic_arc": ElasticArc,
    "magface": MagFace,
    "adaface": AdaFace,
    "circle": Circle,
}

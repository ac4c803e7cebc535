"""Cross-Pose LFW (Zheng and Deng, 2018); its list has CALFW's layout."""

from eval.protocols.calfw import parse, person
from eval.protocols.pair_protocol import PairProtocol

PROTOCOL = PairProtocol(
    title="CPLFW",
    about="Cross-Pose LFW: 10 x 600 pairs, genuine ones in different pose",
    parse_list=parse,
    person=person,
    official_pairs=6_000,
    official_sha256=None,
    notes=(
        "CPLFW: genuine pairs that differ in pose, impostors of the same gender and race; LFW's "
        "procedure. Faces that no detector finds count: figures over fewer images are not "
        "comparable.",
    ),
)

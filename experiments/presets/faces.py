"""Faces: the losses of the papers and their relatives on 90 people x 80 photographs.

Batch and augmentation are those of configs/presets/pins_sv_am.yaml, for half of its epochs and with
a rate that falls in steps. Margins are searched too: the papers' own, for sets a thousand times as
large, and milder ones. The last two points of each loss were added when the others had shown that
scales of 24 and 30 are cold for 90 people.
"""

from dataclasses import replace

from experiments.design import Arm, Experiment, Point

_AUGMENT = {
    **{"flip": 0.5, "shift": 0.04, "zoom": 0.08, "rotate": 6.0},
    **{"light": 0.3, "colour": 0.4, "erase": 0.3},
}


def _points(*settings: Point) -> tuple[Point, ...]:
    """Two learning rates for each setting."""
    return tuple({"lr": lr, **setting} for setting in settings for lr in (0.03, 0.1))


_RATES: tuple[Point, ...] = tuple({"lr": lr} for lr in (0.01, 0.03, 0.1, 0.3, 0.003, 1.0))
_SCALES = _points({"scale": 16.0}, {"scale": 30.0}, {"scale": 10.0})
_AM = _points(
    {"scale": 30.0, "margin": 0.35}, {"scale": 24.0, "margin": 0.2}, {"scale": 16.0, "margin": 0.2}
)
_ARC = _points(
    {"scale": 30.0, "margin": 0.5}, {"scale": 24.0, "margin": 0.3}, {"scale": 16.0, "margin": 0.3}
)
_SV = _points({"scale": 30.0, "t": 1.2}, {"scale": 24.0, "t": 1.1}, {"scale": 16.0, "t": 1.1})
_SV_AM = _points(
    {"scale": 30.0, "margin": 0.35, "t": 1.2},
    {"scale": 24.0, "margin": 0.2, "t": 1.1},
    {"scale": 16.0, "margin": 0.2, "t": 1.1},
)
_SV_ARC = _points(
    {"scale": 30.0, "margin": 0.5, "t": 1.2},
    {"scale": 24.0, "margin": 0.3, "t": 1.1},
    {"scale": 16.0, "margin": 0.3, "t": 1.1},
)


def _mild(setting: Point) -> tuple[Point, ...]:
    """Low scales, at which so few people are learned soonest."""
    at = ((16.0, 0.03), (16.0, 0.1), (16.0, 0.3), (10.0, 0.03), (10.0, 0.1))
    return tuple({"lr": lr, "scale": scale, **setting} for scale, lr in at)


def _eased(name: str, loss: str, points: tuple[Point, ...], reduction: str = "mean") -> Arm:
    """An arm whose margins and t rise over the first 15 % of the run."""
    return Arm(name=name, loss=loss, points=points, reduction=reduction, warmup=0.15)


FACES = Experiment(
    name="faces",
    task="pins",
    net="mobilefacenet",
    dim=256,
    epochs=20,
    search_epochs=6,
    batch_norm_group=64,
    augment=_AUGMENT,
    arms=(
        Arm(name="softmax", loss="softmax", points=_RATES),
        Arm(name="focal", loss="softmax", points=_RATES, reduction="focal"),
        Arm(name="hard_mining", loss="softmax", points=_RATES, reduction="hard_mining"),
        Arm(name="virtual", loss="virtual", points=_RATES),
        Arm(name="normface", loss="normface", points=_SCALES),
        Arm(
            name="coco",
            loss="coco",
            points=_points({"alpha": "paper"}, {"alpha": 16.0}, {"alpha": 10.0}),
        ),
        Arm(
            name="heated",
            loss="heated_ln",
            points=_points(
                {"alpha": 16.0, "heated": 4.0},
                {"alpha": 30.0, "heated": 8.0},
                {"alpha": 10.0, "heated": 2.5},
            ),
        ),
        Arm(name="a_softmax", loss="a_softmax", points=_RATES, warmup=0.5),
        _eased("am", "am", _AM),
        _eased("arc", "arc", _ARC),
        _eased("focal_am", "am", _AM, "focal"),
        _eased("hard_mining_am", "am", _AM, "hard_mining"),
        _eased("sv", "sv", _SV),
        _eased("sv_am", "sv_am", _SV_AM),
        _eased("sv_arc", "sv_arc", _SV_ARC),
    ),
)
"""LFW and look-alike pairs are seen once, after the last step."""

FACES48 = replace(
    FACES,
    name="faces48",
    task="pins48",
    net="small_resnet",
    epochs=12,
    batch=64,
    batch_norm_group=0,
)
"""Crops shrunk to 48x48 pixels and smaller steps, so that few epochs teach something, in a network
whose step takes a quarter of MobileFaceNet's: four CPU hours. BatchNorm over the whole batch, since
there is one process."""

MOBILE48 = replace(
    FACES48,
    name="faces48_mobile",
    net="mobilefacenet",
    epochs=8,
    search_epochs=5,
    arms=(
        Arm(name="softmax", loss="softmax", points=_RATES[:5]),
        Arm(name="virtual", loss="virtual", points=_RATES[:5]),
        _eased("am", "am", _mild({"margin": 0.2})),
        _eased("sv_am", "sv_am", _mild({"margin": 0.2, "t": 1.1})),
    ),
)
"""The same crops in MobileFaceNet, for the losses of two of the papers and what they are compared
with: whether an order found in one small network holds in another. Margin and t are those that
FACES48's search took. The last two points of each loss were added when the others had been seen."""

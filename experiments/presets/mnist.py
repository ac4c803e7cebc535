"""MNIST: the networks of three papers, as small as two CPU cores ask for.

All 60,000 training images, no augmentation, 10,000 test images. The papers' recipes are up to 100
epochs; what is reduced here is said in docs/results.md.
"""

from experiments.design import Arm, Experiment, Point

_RATES = (0.01, 0.03, 0.1, 0.3)
_TWO_RATES = (0.03, 0.1)


def _rates() -> tuple[Point, ...]:
    """Four learning rates, for losses with no scale to search."""
    return tuple({"lr": lr} for lr in _RATES)


def _scales(*settings: Point) -> tuple[Point, ...]:
    """Two learning rates for each of two settings: as many points."""
    return tuple({"lr": lr, **setting} for setting in settings for lr in _TWO_RATES)


_COCO = _scales({"alpha": "paper"}, {"alpha": 10.0})

MNIST_VIRTUAL = Experiment(
    name="mnist_virtual",
    task="mnist",
    net="lsoftmax_quarter",
    dim=128,
    epochs=4,
    search_epochs=1,
    arms=(
        Arm(name="softmax", loss="softmax", points=_rates()),
        Arm(name="virtual", loss="virtual", points=_rates()),
        Arm(name="coco", loss="coco", points=_COCO),
        Arm(
            name="sv_am",
            loss="sv_am",
            args={"margin": 0.35, "t": 1.2},
            warmup=0.2,
            points=_scales({"scale": 15.0}, {"scale": 30.0}),
        ),
        Arm(
            name="heated",
            loss="heated_ln",
            args={"switch": 0.75},
            points=_scales({"alpha": 16.0, "heated": 4.0}, {"alpha": 8.0, "heated": 2.0}),
        ),
    ),
)
"""Virtual Softmax's network could not be had; that of L-Softmax, which it compares with, stands in.
All five losses of the source papers."""

MNIST_COCO = Experiment(
    name="mnist_coco",
    task="mnist",
    net="lenet_pp",
    dim=3,
    epochs=2,
    search_epochs=1,
    arms=(
        Arm(name="softmax", loss="softmax", points=_rates()),
        Arm(name="coco", loss="coco", points=_COCO),
    ),
)
"""COCO's own comparison: embeddings of three dimensions."""

MNIST_HEATED = Experiment(
    name="mnist_heated",
    task="mnist",
    net="lenet_heated",
    dim=2,
    epochs=6,
    search_epochs=2,
    milestones=(0.75,),
    optimiser="adamw",
    weight_decay=0.0,
    keep_embeddings=1000,
    arms=(
        Arm(
            name="alpha_16",
            loss="normface",
            args={"scale": 16.0},
            points=tuple({"lr": lr} for lr in (0.0003, 0.001, 0.003, 0.01)),
        ),
        Arm(
            name="heated_16_4",
            loss="heated_ln",
            args={"alpha": 16.0, "heated": 4.0, "switch": 0.75},
            like="alpha_16",
        ),
        Arm(name="alpha_64", loss="normface", args={"scale": 64.0}, like="alpha_16", seeds=1),
        Arm(name="alpha_32", loss="normface", args={"scale": 32.0}, like="alpha_16", seeds=1),
        Arm(name="alpha_4", loss="normface", args={"scale": 4.0}, like="alpha_16", seeds=1),
        Arm(name="alpha_025", loss="normface", args={"scale": 0.25}, like="alpha_16", seeds=1),
    ),
)
"""Heated-up softmax's picture: embeddings of two dimensions. The heated arm is the first one up to
the switch, step for step, and both have a tenth of the learning rate after it: what is left between
them is the heat."""

"""Draws docs/losses.svg from the losses themselves: `python -m docs.losses_figure`.

Every curve is a loss of `LOSSES` at its defaults unless its label says otherwise, taken through the
same functions as in training, with slopes by autograd.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import softplus

from models.losses import LOSSES
from models.losses.base import Loss

OUT = Path(__file__).with_name("losses.svg")
TARGET_DEGREES = 60.0
"""The target's angle where negatives are drawn."""
OTHERS = 10_000
"""Negatives, all at 90 degrees, where the gradient of the loss is drawn."""

_DEGREES = torch.linspace(0, 180, 241, dtype=torch.float64)
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B")
_GREY = "#8a8a8a"
_STYLE: Any = {  # the stub wants literal keys
    "svg.fonttype": "none",
    "svg.hashsalt": "likeness",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 11,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.5,
    "figure.constrained_layout.h_pad": 0.12,
}


@dataclass(frozen=True)
class Curve:
    """One loss in one situation.

    Attributes:
        label: in the legend.
        name: its row in LOSSES.
        loss: with its settings.
        x_norm: norm of the embedding; the class weight's is 1.
        draw: the number drawn, for losses that draw.
        grey: whether it is there for comparison only.
        dashed: drawn so, where it lies on another.
    """

    label: str
    name: str
    loss: Loss
    x_norm: float = 1.0
    draw: float = 1.0
    grey: bool = False
    dashed: bool = False


def curve(label: str, name: str, *, settings: dict[str, Any] | None = None, **more: Any) -> Curve:
    """A loss of the table by name."""
    return Curve(label, name, LOSSES[name](**(settings or {})), **more)


def families() -> dict[tuple[str, str], list[Curve]]:
    """Title and kind of each row of panels, and its curves."""
    base = curve("normface", "normface", grey=True)
    coco = curve("coco: paper's 7.63 at 10,575 classes", "coco", settings={"num_classes": 10_575})
    return {
        ("One margin for all", "margin"): [
            base,
            curve("am, cosface: m 0.35", "am"),
            curve("arc: m 0.5", "arc"),
            curve("combined: CM1 1, 0.2, 0.3", "combined"),
            curve(
                "combined: CM2 0.9, 0.15, 0.4",
                "combined",
                settings={"m1": 0.9, "m2": 0.15, "m3": 0.4},
                dashed=True,
            ),
        ],
        ("Hard negatives made harder", "guided"): [
            base,
            curve("sv: t 1.2", "sv"),
            curve("sv_am; mv_am adaptive at t 0.2", "sv_am"),
            curve("sv_arc; mv_arc adaptive", "sv_arc"),
            curve("mv_am fixed", "mv_am", settings={"mode": "fixed"}, dashed=True),
            curve("curricular: running t 0.5", "curricular", settings={"t": 0.5, "rate": 0.0}),
            curve("sv_combined", "sv_combined", dashed=True),
        ],
        ("A margin for each sample", "margin"): [
            base,
            curve("magface: norm 10, and below", "magface", x_norm=10.0),
            curve("magface: norm 110, and above", "magface", x_norm=110.0),
            curve("adaface: worst quality, z -1", "adaface", x_norm=0.001),
            curve("adaface: best quality, z 1", "adaface", x_norm=100.0),
            curve("elastic_arc: + 2 sigma of 0.05", "elastic_arc", settings=_wide(0.5), draw=2.0),
            curve("elastic_cos: + 2 sigma of 0.05", "elastic_cos", settings=_wide(0.35), draw=2.0),
        ],
        ("Angles multiplied, noise, weights", "margin"): [
            curve("softmax (all norms 1)", "softmax", grey=True),
            curve("virtual: its extra class", "virtual", dashed=True),
            curve("l_softmax: m 4, lambda 0", "l_softmax"),
            curve("a_softmax: m 4, lambda 5", "a_softmax"),
            curve("noisy: alpha 0.1, |xi| 3", "noisy", draw=3.0),
            curve("circle: m 0.25", "circle"),
        ],
        ("Scales", "scale"): [
            curve("normface: s 30", "normface", grey=True),
            curve("heated_ln, heated_bn: alpha 16", "heated_ln"),
            replace(
                curve("the same, heated up: alpha 4", "heated_ln"),
                loss=LOSSES["heated_ln"]().at(1.0),
            ),
            coco,
            curve("coco: released model's 21.475", "coco", settings={"alpha": 21.475}),
        ],
    }


def _wide(margin: float) -> dict[str, float]:
    return {"margin": margin, "sigma": 0.05}


def target_logit(one: Curve, cos_N: Tensor) -> Tensor:
    """The target's logit at each cosine, as shift and logits make it."""
    n = len(cos_N)
    # AdaFace compares norms within a batch: a hundred samples of norm 20 for each one drawn.
    cos = torch.cat([cos_N, cos_N.detach().repeat(100)])
    norm = torch.full_like(cos, 20.0)
    norm[:n] = one.x_norm
    draw = torch.full_like(cos, one.draw)
    own = cos if one.loss.normalise_x else cos * norm
    shift = one.loss.shift(own, norm, torch.ones_like(cos), draw)
    own = own if shift is None else own - shift
    index, owned = torch.zeros_like(own, dtype=torch.long), torch.ones_like(own, dtype=torch.bool)
    return one.loss.logits(own[:, None], own.detach(), index, owned)[:n, 0]


def negative_logit(one: Curve, cos_N: Tensor) -> Tensor:
    """A negative's logit at each cosine, the target being at `TARGET_DEGREES`.

    For a loss with a virtual class, that class's.
    """
    extra = one.loss.virtual_logit(torch.ones_like(cos_N), torch.ones_like(cos_N))
    if extra is not None:
        return extra
    target = torch.full_like(cos_N, math.cos(math.radians(TARGET_DEGREES)))
    index, owned = torch.zeros(len(cos_N), dtype=torch.long), torch.ones(len(cos_N)).bool()
    return one.loss.logits(torch.stack([target, cos_N], 1), target, index, owned)[:, 1]


def scale_of(one: Curve) -> float:
    """What multiplies every logit of a loss."""
    if not one.loss.normalise_x:
        return 1.0
    return getattr(one.loss, "scale", getattr(one.loss, "alpha", 1.0))


def slope(one: Curve, logit: Callable[[Curve, Tensor], Tensor]) -> Tensor:
    """How much a logit rises per radian towards the class."""
    theta = _DEGREES.deg2rad().clamp(1e-6, math.pi - 1e-6).requires_grad_()
    (grad,) = torch.autograd.grad(logit(one, theta.cos()).sum(), theta)
    return -grad


def crowded(one: Curve, cos_N: Tensor) -> Tensor:
    """How far the target's logit is below the log-sum-exp of `OTHERS` negatives."""
    at_90 = negative_logit(one, torch.zeros_like(cos_N))
    return at_90 + math.log(OTHERS) - target_logit(one, cos_N)


def panels(one: Curve, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """The three values over `_DEGREES` for a row of that kind: margin, guided or scale."""
    cos, s = _DEGREES.deg2rad().cos(), scale_of(one)
    if kind == "scale":
        behind = crowded(one, cos)
        return target_logit(one, cos), softplus(behind), s * behind.sigmoid()
    moving = negative_logit if kind == "guided" else target_logit
    return target_logit(one, cos) / s, negative_logit(one, cos) / s, slope(one, moving) / s


WORDS = {
    "margin": (
        "target's logit / s",
        f"a negative's logit / s, target at {TARGET_DEGREES:.0f}°",
        "pull: rise of the target's logit / s per radian",
    ),
    "guided": (
        "target's logit / s",
        f"a negative's logit / s, target at {TARGET_DEGREES:.0f}°",
        "push: rise of a negative's logit / s per radian",
    ),
    "scale": (
        "any class's logit",
        f"loss over target's angle, {OTHERS:,} others at 90°",
        "its gradient at the target's cosine, s (1 - p)",
    ),
}


def draw_row(axes: list[Axes], title: str, kind: str, curves: list[Curve]) -> None:
    """Three panels and a legend; curves that coincide with the grey one are drawn once."""
    colours = iter(_COLOURS)
    first: tuple[Tensor, ...] = ()
    for one in curves:
        values = panels(one, kind)
        style: Any = {
            "color": _GREY if one.grey else next(colours),
            "linewidth": 1.4,
            "linestyle": (0, (4, 2)) if one.dashed else "-",
            "zorder": 2 if one.grey else 3,
        }
        for ax, line, other in zip(axes, values, first or values):
            if not first or not torch.allclose(line, other, atol=1e-6):
                ax.plot(_DEGREES, line.detach(), **style)
        axes[3].plot([], [], label=one.label, **style)
        first = first or values
    for ax, word in zip(axes, WORDS[kind]):
        ax.set_title(word, color="#444444")
        ax.set_xlim(0, 180)
        ax.set_xticks(range(0, 181, 30))
        ax.xaxis.set_major_formatter("{x:.0f}°")
        if len(ax.lines) == 1:
            ax.text(0.97, 0.9, "all alike", color=_GREY, ha="right", transform=ax.transAxes)
    axes[3].axis("off")
    axes[3].legend(loc="center left", borderaxespad=0, title=title, alignment="left")


def draw() -> Figure:
    """The whole figure."""
    with rc_context(_STYLE):
        rows = families()
        figure = Figure(figsize=(13.5, 2.75 * len(rows)), layout="constrained")
        grid = figure.subplots(len(rows), 4, width_ratios=[1, 1, 1, 0.72], squeeze=False)
        for axes, ((title, kind), curves) in zip(grid, rows.items()):
            draw_row(list(axes), title, kind, curves)
        for ax in grid[-1]:
            ax.set_xlabel("angle between embedding and class")
    return figure


def main() -> None:
    """Writes the figure."""
    with rc_context(_STYLE):
        draw().savefig(OUT, metadata={"Date": None})


if __name__ == "__main__":
    main()

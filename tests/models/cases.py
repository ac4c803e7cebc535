"""Every loss of the table with settings that bring out its parts, and a batch for them."""

import math
from dataclasses import asdict, replace

import torch

from models.head.sharded_head import ShardedHead
from models.losses import LOSSES
from models.losses.base import Loss
from models.losses.reduction import REDUCTIONS
from tests.models.reference import dense_loss

_SETTINGS = {
    "am": {"margin": 0.3},
    "cosface": {"margin": 0.2},
    "arc": {"margin": 0.4},
    "combined": {"m1": 1.3, "m2": 0.1, "m3": 0.3},
    "sv_am": {"margin": 0.3},
    "sv_arc": {"margin": 0.4},
    "sv_combined": {"m1": 0.9, "m2": 0.15, "m3": 0.4},
    "curricular": {"t": 0.3, "rate": 0.1},
    "coco": {"num_classes": 13},
    "l_softmax": {"lambda_min": 0.5},
    "noisy": {"alpha": 0.4},
    "magface": {"norm_low": 2.0, "norm_high": 6.5},
    "elastic_cos": {"sigma": 0.1},
    "elastic_arc": {"sigma": 0.1},
}


def _case(name: str, **more: object) -> tuple[Loss, dict]:
    loss = LOSSES[name](**(_SETTINGS.get(name, {}) | more))
    if "scale" in asdict(loss):  # so that no class takes the whole softmax
        loss = replace(loss, scale=16.0)
    settings = asdict(loss)
    if name == "coco":
        settings["alpha"] = 0.5 * math.log(12) + 3
    return loss, settings


CASES = {name: _case(name) for name in LOSSES}
"""{name: (loss, the reference's settings)}"""

VARIANTS = {
    "mv_am fixed": ("mv_am", *_case("mv_am", mode="fixed"), ("mean", 0)),
    "mv_am easy": ("mv_am", *_case("mv_am", easy_margin=True), ("mean", 0)),
    "mv_arc fixed easy": ("mv_arc", *_case("mv_arc", mode="fixed", easy_margin=True), ("mean", 0)),
    "arc detach": ("arc", *_case("arc", margin_grad="detach"), ("mean", 0)),
    "sv_arc detach": ("sv_arc", *_case("sv_arc", margin_grad="detach"), ("mean", 0)),
    "arc at pi / 2": ("arc", *_case("arc", margin=math.pi / 2), ("mean", 0)),
    "combined 4": ("combined", *_case("combined", m1=4.0, m2=0.0, m3=0.0), ("mean", 0)),
    "l_softmax 3": ("l_softmax", *_case("l_softmax", margin=3), ("mean", 0)),
    **{
        f"{name} {how} {value}": (name, *CASES[name], (how, value))
        for name in ("softmax", "sv_am", "virtual", "magface", "l_softmax")
        for how, value in (("focal", 2.0), ("focal", 0.5), ("hard_mining", 0.6))
    },
    **{name: (name, *case, ("mean", 0)) for name, case in CASES.items()},
}
"""{what: (name, loss, the reference's settings, (reduction, its number))}"""

NUM_CLASSES, DIM, BATCH = 13, 6, 12  # 13 over 2, 3, 4 ranks is uneven; 12 divides by 1, 2, 3, 4


def reduction_of(how: str, value: float):
    return REDUCTIONS[how](**{"mean": {}, "focal": {"gamma": value}}.get(how, {"keep": value}))


def problem():
    """Embeddings, weights, labels: hard and easy negatives, and a target past every margin."""
    generator = torch.Generator().manual_seed(7)
    emb = torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64)
    weight = torch.randn(NUM_CLASSES, DIM, generator=generator, dtype=torch.float64)
    # every label in the first third: with 3 or 4 ranks some rank owns no label at all
    labels = torch.randint(0, 4, (BATCH,), generator=generator)
    emb[: BATCH // 2] += 4 * weight[labels[: BATCH // 2]]  # easy ones among the hard
    emb[-1] -= 4 * weight[labels[-1]]
    return emb, weight, labels


def of_reference(what, draw):
    """(loss, gradient at the embeddings, at the weights) of the dense float64 reference."""
    name, _, settings, reduction = VARIANTS[what]
    emb, weight, labels = problem()
    emb.requires_grad_(), weight.requires_grad_()
    loss = dense_loss(name, emb, weight, labels, draw, reduction, **settings)
    loss.backward()
    return loss.detach(), emb.grad, weight.grad


def cosines(n=40, c=9, seed=0):
    """The arguments of `logits`: random cosines of one shard."""
    generator = torch.Generator().manual_seed(seed)
    sim = torch.rand(n, c, generator=generator, dtype=torch.float64) * 2 - 1
    index = torch.randint(0, c, (n,), generator=generator)
    owned = torch.ones(n, dtype=torch.bool)
    return sim, sim.gather(1, index[:, None])[:, 0], index, owned


def same(one, other):
    """Whether two losses give the same logits, bit for bit."""
    return torch.equal(one.logits(*cosines()), other.logits(*cosines()))


def value_of(loss):
    """The head's loss in float64 on the common batch."""
    emb, weight, labels = problem()
    head = ShardedHead(len(weight), weight.shape[1], dtype=torch.float64)
    head.weight_cD.data.copy_(weight)
    value, *_ = head(emb, labels, loss)
    return value.item()


def moved(loss, cos, x_norm=None, w_norm=None, draw=None):
    """A target's logit from its similarity, as the head makes it: shift, then logits."""
    x_norm = torch.ones_like(cos) if x_norm is None else x_norm
    shift = loss.shift(cos, x_norm, torch.ones_like(cos) if w_norm is None else w_norm, draw)
    own = cos if shift is None else cos - shift
    sim, n = own[:, None], len(cos)
    index, owned = torch.zeros(n, dtype=torch.int64), torch.ones(n, dtype=torch.bool)
    return loss.logits(sim, own.detach(), index, owned)[:, 0]

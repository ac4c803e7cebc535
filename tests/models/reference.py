"""Dense, single-process losses, written from the papers' formulas and nothing else.

Plain autograd over the whole N x C matrix, angles by acos, factors as they are printed. Exact in
float64 as long as no cosine is +-1, where acos has no slope.
"""

import math

import torch
import torch.nn.functional as F


def dense_loss(name, emb, weight, labels, draw=None, reduction=("mean", 0), **kw) -> torch.Tensor:
    """The loss over the batch; `kw` are that loss's settings, `draw` its random numbers [N]."""
    family = FAMILIES[name]
    ce, penalty = family(name, emb, weight, labels, draw, kw)
    how, value = reduction
    if how == "focal":
        ce = (1 - torch.exp(-ce)) ** value * ce
    elif how == "hard_mining":
        ce = ce.sort(descending=True).values[: math.ceil(value * len(ce))]
    return ce.mean() + (0 if penalty is None else penalty.mean())


def inner_product(name, emb, weight, labels, draw, kw):
    """Raw inner products, or with unit weights: softmax, Virtual, Noisy, L- and A-Softmax, HBN."""
    rows = torch.arange(len(labels))
    if name in ("a_softmax", "heated_bn"):
        weight = unit(weight)
    z = emb @ weight.T
    norms = emb.norm(dim=1) * weight[labels].norm(dim=1)
    own = z[rows, labels]
    cos = own / norms.clamp_min(1e-300)
    if name == "virtual":
        z = torch.cat([z, norms[:, None]], dim=1)
    if name == "heated_bn":
        z = kw["alpha"] * z
    if name == "noisy":
        z = replaced(z, labels, own - kw["alpha"] * norms * (1 - cos) * draw.abs())
    if name in ("l_softmax", "a_softmax"):
        m, lam = kw["margin"], kw["lambda_min"]
        theta = angle(cos)
        k = torch.floor(m * theta.detach() / math.pi).clamp_max(m - 1)
        psi = (-1) ** k * torch.cos(m * theta) - 2 * k
        z = replaced(z, labels, (lam * own + norms * psi) / (1 + lam))
    return F.cross_entropy(z, labels, reduction="none"), None


def plain_cosine(name, emb, weight, labels, draw, kw):
    """COCO, NormFace and LN before its switch."""
    s = kw["scale"] if name == "normface" else kw["alpha"]
    return F.cross_entropy(s * cosines(emb, weight), labels, reduction="none"), None


def margin(name, emb, weight, labels, draw, kw):
    """s f(theta_y) at the target."""
    cos = cosines(emb, weight)
    target = f(name, own_of(cos, labels), kw)
    logits = kw["scale"] * replaced(cos, labels, target)
    return F.cross_entropy(logits, labels, reduction="none"), None


def support_vectors(name, emb, weight, labels, draw, kw):
    """1812.11317, eqs. 5 and 6, with h as printed, by its logarithm; the sum is over k != y."""
    cos, s = cosines(emb, weight), kw["scale"]
    target = f(name.removeprefix("sv_"), own_of(cos, labels), kw)
    hard = (cos > target[:, None]).to(cos.dtype)
    log_h = s * (kw["t"] - 1) * (cos + 1) * hard
    terms = replaced(log_h + s * cos, labels, s * target)
    return torch.logsumexp(terms, dim=1) - s * target, None


def misclassified(name, emb, weight, labels, draw, kw):
    """MV-Softmax and CurricularFace: what hard negatives become."""
    cos, t = cosines(emb, weight), kw["t"]
    own = own_of(cos, labels)
    target = f("arc" if name in ("mv_arc", "curricular") else "am", own, kw)
    hard = cos > target[:, None]
    if name == "curricular":
        t = (1 - kw["rate"]) * t + kw["rate"] * own.mean().detach()
        emphasised = cos * (t + cos)
    else:
        emphasised = (t + 1) * cos + t if kw["mode"] == "adaptive" else cos + t
        if kw["easy_margin"]:
            target = torch.where(own > 0, target, own)
    logits = replaced(torch.where(hard, emphasised, cos), labels, target)
    return F.cross_entropy(kw["scale"] * logits, labels, reduction="none"), None


def own_margins(name, emb, weight, labels, draw, kw):
    """A margin for each sample: MagFace, AdaFace, ElasticFace."""
    cos, norm, penalty = cosines(emb, weight), emb.norm(dim=1), None
    own = own_of(cos, labels)
    if name == "magface":
        low, high = kw["norm_low"], kw["norm_high"]
        a = norm.clamp(low, high)
        slope = (kw["margin_high"] - kw["margin_low"]) / (high - low)
        target = arc(own, kw["margin_low"] + slope * (a - low))
        penalty = kw["lambda_g"] * (a / high**2 + 1 / a)
    elif name == "adaface":
        norm = norm.detach().clamp(0.001, 100)
        spread = norm.std() if len(norm) > 1 else 0
        z = (kw["h"] * (norm - norm.mean()) / (spread + 1e-3)).clamp(-1, 1)
        target = arc(own, -kw["margin"] * z) - (kw["margin"] * z + kw["margin"])
    else:
        margins = kw["margin"] + kw["sigma"] * draw
        target = own - margins if name == "elastic_cos" else arc(own, margins)
    logits = kw["scale"] * replaced(cos, labels, target)
    return F.cross_entropy(logits, labels, reduction="none"), penalty


def circle(name, emb, weight, labels, draw, kw):
    """Class-level Circle loss; the weights carry no gradient."""
    cos, m = cosines(emb, weight), kw["margin"]
    own = own_of(cos, labels)
    positive = (1 + m - own).clamp_min(0).detach() * (own - (1 - m))
    negative = (cos + m).clamp_min(0).detach() * (cos - m)
    logits = kw["scale"] * replaced(negative, labels, positive)
    return F.cross_entropy(logits, labels, reduction="none"), None


def f(name, cos, kw):
    """The target's cosine with its margin: SV-Softmax's f(m, theta)."""
    if name in ("am", "cosface"):
        return cos - kw["margin"]
    if name == "arc":
        value = arc(cos, kw["margin"])
        return value if kw["margin_grad"] == "exact" else cos + (value - cos).detach()
    if name == "combined":
        turned = kw["m1"] * angle(cos) + kw["m3"]
        last = math.cos(min((math.pi - kw["m3"]) / kw["m1"], math.pi))
        beyond = cos - max(kw["m3"] * math.sin(kw["m3"]), 1 + last)
        return torch.where(turned > math.pi, beyond, torch.cos(turned)) - kw["m2"]
    return cos


def arc(cos, m):
    """Cos(theta + m); cos theta - m sin m where theta + m > pi; 1 where theta + m < 0."""
    m = torch.as_tensor(m, dtype=cos.dtype)
    turned = angle(cos) + m
    value = torch.where(turned > math.pi, cos - m * torch.sin(m), torch.cos(turned))
    return torch.where(turned < 0, 1, value)


def angle(cos):
    """Theta; rounding may leave a cosine a little past 1."""
    return torch.acos(cos.clamp(-1, 1))


def cosines(emb, weight):
    """[N, C]."""
    return unit(emb) @ unit(weight).T


def unit(vectors):
    """Rows of norm 1; a row of zeros stays."""
    return vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-300)


def own_of(values, labels):
    """Each row's entry at its label."""
    return values[torch.arange(len(labels)), labels]


def replaced(values, labels, own):
    """`values` with `own` at the labels."""
    hot = F.one_hot(labels, values.shape[1]).bool()
    return torch.where(hot, own[:, None], values)


FAMILIES = {
    **dict.fromkeys(
        ("softmax", "virtual", "noisy", "l_softmax", "a_softmax", "heated_bn"), inner_product
    ),
    **dict.fromkeys(("coco", "normface", "heated_ln"), plain_cosine),
    **dict.fromkeys(("am", "cosface", "arc", "combined"), margin),
    **dict.fromkeys(("sv", "sv_am", "sv_arc", "sv_combined"), support_vectors),
    **dict.fromkeys(("mv_am", "mv_arc", "curricular"), misclassified),
    **dict.fromkeys(("magface", "adaface", "elastic_cos", "elastic_arc"), own_margins),
    "circle": circle,
}

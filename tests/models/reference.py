"""Dense, single-process, float64 losses, written from the papers' formulas and nothing else."""

import torch
import torch.nn.functional as F


def dense_loss(name: str, emb, weight, labels, **kw) -> torch.Tensor:
    """The mean loss, by plain autograd over the whole N x C matrix."""
    rows = torch.arange(len(labels))
    if name in ("softmax", "virtual"):
        logits = emb @ weight.T
        if name == "virtual":
            virtual = weight[labels].norm(dim=1) * emb.norm(dim=1)
            logits = torch.cat([logits, virtual[:, None]], dim=1)
        return F.cross_entropy(logits, labels)
    cos = F.normalize(emb) @ F.normalize(weight).T
    own = cos[rows, labels]
    target = {
        "coco": lambda: own,
        "sv": lambda: own,
        "am": lambda: own - kw["margin"],
        "sv_am": lambda: own - kw["margin"],
        "arc": lambda: torch.cos(torch.acos(own) + kw["margin"]),
        "sv_arc": lambda: torch.cos(torch.acos(own) + kw["margin"]),
    }[name]()
    if name.startswith("sv"):
        # eq. 5 as printed, h and all: the sum runs over k != y, the indicator holds no gradient
        hard = (cos > target[:, None]).detach().to(cos.dtype)
        h = torch.exp(kw["scale"] * (kw["t"] - 1) * (cos + 1) * hard)
        terms = h * torch.exp(kw["scale"] * cos)
        others = terms.sum(1) - terms[rows, labels]
        top = torch.exp(kw["scale"] * target)
        return -torch.log(top / (top + others)).mean()
    logits = cos.clone()
    logits[rows, labels] = target
    return F.cross_entropy(kw["scale"] * logits, labels)

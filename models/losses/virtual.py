"""Virtual Softmax: one more class, placed where the sample is."""

from dataclasses import dataclass

from torch import Tensor

from models.losses.plain import Softmax


@dataclass(frozen=True, kw_only=True)
class Virtual(Softmax):
    r"""Virtual Softmax (arXiv 1811.12611): W_virt = ||W_y|| x / ||x|| joins the denominator.

    Its logit is ||W_y|| ||x||, with gradient through both norms (the paper's coupling decay).
    Nothing is normalised, and there is no setting to change that: with unit norms and a scale s the
    logit would be the constant s, which leaves nothing to push negatives away; `Loss` refuses a
    class that tries.
    Since the virtual logit is never below the target's, the loss is never below log 2, and the
    accuracy during training must be taken over the real classes. Under class sampling the virtual
    class always stays, so its share of the denominator grows as real negatives are left out.
    """

    def virtual_logit(self, x_norm_N: Tensor, w_norm_N: Tensor) -> Tensor:
        """||W_y|| ||x||."""
        return x_norm_N * w_norm_N

"""Everything that changes with the step, as pure functions: a resumed run needs one number."""

from collections.abc import Sequence


def rise(step: float, steps: float) -> float:
    """Linear from 0 at the start to 1 after `steps`; 1 throughout when `steps` is 0."""
    return 1.0 if steps <= 0 else min(step / steps, 1.0)


def step_decay(step: int, milestones: Sequence[float], gamma: float) -> float:
    """`gamma` for each milestone (in steps) reached."""
    return gamma ** sum(step >= milestone for milestone in milestones)


def poly_decay(step: int, warmup: float, total: int, power: float) -> float:
    """(1 - progress)^power, progress counted from the end of the warm-up to the end of the run."""
    progress = max(step - warmup, 0) / max(total - warmup, 1)
    return (1 - min(progress, 1.0)) ** power


def due(step: int, every: float) -> bool:
    """Whether a multiple of `every` steps (a fraction may be asked) ends with this step."""
    return int(step / every) > int((step - 1) / every)

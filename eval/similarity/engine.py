"""One pass over all pairs, tile by tile, over ranks, and to be taken up again.

Panels of probes go by in the outer loop, tiles of gallery rows in the inner one. Ranks take tiles
in turn, work alone, and join their parts at the end; every statistic joins exactly, so the result
is the same for any number of ranks, tiles of any size and any screening precision.

Legend: `P` probes, `G` gallery rows, `S` gallery sizes.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from eval.similarity.keyed import ANY
from eval.similarity.pairs import Labels, PairRule, Which
from eval.similarity.plan import Found, Plan
from eval.similarity.restart import Restart
from eval.similarity.screens import PRECISIONS, Precision, blank
from eval.similarity.statistics import (
    Arrays,
    Counter,
    Histogram,
    Keeper,
    TailKeeper,
    TopKeeper,
)
from eval.similarity.tile import Panel, Tile, room
from eval.similarity.vectors import Vectors
from models import comm

SAVE_EVERY = 60.0
"""Seconds between two notes of how far a run has come."""


@dataclass(frozen=True)
class Shape:
    """How the work is cut; no result depends on it.

    Attributes:
        panel: probes of one pass over the gallery, which stay in memory in float64.
        tile: gallery rows of one product.
    """

    panel: int = 4096
    tile: int = 16384

    def __post_init__(self) -> None:
        if self.panel < 1 or self.tile < 1:
            raise ValueError(f"{self}: expected at least one row each")


def search(
    probes: Vectors,
    gallery: Vectors,
    plan: Plan,
    *,
    labels: tuple[Labels, Labels] | None = None,
    pairs: Which = "all",
    screen: Precision = "bfloat16",
    shape: Shape = Shape(),
    device: torch.device | str = "cpu",
    state: str | None = None,
) -> Found:
    """Compares all probes with the gallery and keeps what the plan asks for, exactly.

    Every rank calls it with the same arguments and gets the same result. Scores are those of
    `eval.similarity.exact`; screening decides only which pairs are worth it.

    Args:
        probes: P embeddings.
        gallery: G embeddings, perhaps the probes themselves.
        plan: the statistics.
        labels: person of each probe and of each gallery row; pairs of one person are left out.
            None where no probe has a mate in the gallery.
        pairs: see `PairRule`.
        screen: precision of the products.
        shape: how the work is cut.
        device: where the products run.
        state: folder for notes of how far the run has come, so that a stopped one goes on when it
            is called again with the same inputs and number of ranks; None for none.

    Raises:
        ValueError: inputs that do not fit each other, or a state folder that holds something else.
        ArithmeticError: the device's products are not as accurate as its format promises.
    """
    if screen not in PRECISIONS:
        raise ValueError(f"screening in {screen!r}: expected one of {', '.join(PRECISIONS)}")
    if screen == "float32" and torch.get_float32_matmul_precision() != "highest":
        raise ValueError(
            "float32 products are allowed to be less: call "
            'torch.set_float32_matmul_precision("highest"), or screen in another precision'
        )
    rule = PairRule(probes, gallery, pairs, labels)
    run = _Run(probes, gallery, plan, rule, screen, shape, torch.device(device))
    if state is not None:
        run.restart = Restart.of(state, probes, gallery, plan, labels, (pairs, screen, shape))
    run.all_tiles()
    found = run.joined()
    if run.restart is not None:
        run.restart.forget()
    return found


class _Run:
    """One rank's pass."""

    def __init__(
        self,
        probes: Vectors,
        gallery: Vectors,
        plan: Plan,
        rule: PairRule,
        screen: Precision,
        shape: Shape,
        device: torch.device,
    ) -> None:
        self.probes, self.gallery, self.rule = probes, gallery, rule
        self.screen, self.shape, self.device = screen, shape, device
        self.restart: Restart | None = None
        self.sizes = _sizes(plan.sizes, len(gallery))
        each = len(self.sizes), len(probes)
        self.top = TopKeeper(*each, plan.top) if plan.top else None
        self.tail = TailKeeper(plan.tail) if plan.tail else None
        self.counter = Counter(*each, plan.above) if plan.above is not None else None
        self.histogram = Histogram(plan.bins) if plan.bins else None
        self.total: Arrays = {name: np.zeros((), np.int64) for name in ("compared", "rescored")}

    def all_tiles(self) -> None:
        """Looks at every tile of this rank that was not seen before."""
        panels = list(_parts(len(self.probes), self.shape.panel, ()))
        tiles = list(_parts(len(self.gallery), self.shape.tile, self.sizes))
        done = self.restart.restore(self._arrays()) if self.restart else 0
        if self.tail is not None:
            self.tail.trim()
        rows = min(self.shape.panel, len(self.probes))
        memory = blank((room(rows, min(self.shape.tile, len(self.gallery))),), self.screen)
        steps = [(p, t) for p in panels for t in range(len(tiles))]
        panel: Panel | None = None
        saved = time.monotonic()
        bar = tqdm(steps, desc="comparing", delay=2, leave=False, disable=comm.rank() > 0)
        for number, (part, place) in enumerate(bar):
            if number < done:
                continue
            tile = tiles[place]
            if place % comm.world_size() == comm.rank() and not self.rule.none_in(part, tile):
                if panel is None or panel.part != part:
                    panel = Panel.of(self.probes, part, self.screen, self.device)
                out = self.rule.left_out(part, tile)
                self._one(Tile(panel, self.gallery, tile, out, self.screen, memory), len(out[0]))
            self._snapshots(part, tile.stop)
            if self.restart and time.monotonic() - saved > SAVE_EVERY:
                self.restart.save(number + 1, self._arrays())
                saved = time.monotonic()

    def joined(self) -> Found:
        """The whole result, on every rank."""
        ranks = comm.gather_objects(self._arrays())
        of = {name: [rank[name] for rank in ranks] for name in ranks[0]}
        return Found(
            impostors=sum(int(total["compared"]) for total in of["total"]),
            sizes=self.sizes,
            top=self.top.join(of["top"]) if self.top else None,
            tail=self.tail.join(of["tail"]) if self.tail else None,
            counts=self.counter.join(of["counter"]) if self.counter else None,
            histogram=self.histogram.join(of["histogram"]) if self.histogram else None,
            rescored=sum(int(total["rescored"]) for total in of["total"]),
        )

    def _one(self, tile: Tile, left_out: int) -> None:
        self.total["compared"] += len(tile.panel.unit_pD) * tile.count - left_out
        if self.top or self.tail:
            least_p = np.full(len(tile.panel.unit_pD), ANY)
            if self.top:
                least_p = np.minimum(least_p, self.top.least(tile))
            if self.tail:
                least_p = np.minimum(least_p, self.tail.least(tile))
            pairs = tile.reaching(least_p)
            self.total["rescored"] += len(pairs.row)
            for keeper in (self.top, self.tail):
                if keeper:
                    keeper.take(tile, pairs)
        if self.counter:
            self.total["rescored"] += self.counter.take(tile)
        if self.histogram:
            self.total["rescored"] += self.histogram.take(tile)

    def _snapshots(self, panel: slice, stop: int) -> None:
        if stop not in self.sizes[:-1]:
            return
        for keeper in (self.top, self.counter):
            if keeper:
                keeper.snapshot(self.sizes.index(stop), panel)

    def _arrays(self) -> dict[str, Arrays]:
        keepers: dict[str, Keeper | None] = {
            "top": self.top,
            "tail": self.tail,
            "counter": self.counter,
            "histogram": self.histogram,
        }
        kept = {name: keeper.arrays for name, keeper in keepers.items() if keeper is not None}
        return kept | {"total": self.total}


def _sizes(asked: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """The gallery sizes of a result; the whole comes last."""
    if asked and asked[-1] > rows:
        raise ValueError(f"gallery size {asked[-1]:,} asked for, but there are {rows:,} rows")
    return asked if asked and asked[-1] == rows else (*asked, rows)


def _parts(count: int, size: int, cuts: tuple[int, ...]) -> list[slice]:
    """Slices of at most `size` that cover 0 to `count` and end at each cut."""
    ends = sorted({*range(size, count, size), *(c for c in cuts if c < count), count})
    return [slice(start, stop) for start, stop in zip((0, *ends), ends)]

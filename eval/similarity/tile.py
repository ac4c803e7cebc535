"""One tile of similarities: screened, and exact where asked.

Legend: `p` probes of the panel, `g` gallery rows of the tile, `m` pairs found.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.similarity.exact import gathered_scores
from eval.similarity.keyed import WIDTH, Keyed, Places, largest
from eval.similarity.screens import (
    Keys,
    Operand,
    Precision,
    blank,
    bound,
    lower,
    masked,
    product,
    step_of,
)
from eval.similarity.threads import over_parts
from eval.similarity.vectors import Vectors

_MANY = 64  # of a tile's pairs, one in so many made exact one by one costs more than a product
_MANY_ABOVE = 8  # one in so many to be set among thresholds costs more than a product and a sort
_OFTEN = 2  # pairs a gallery row beyond which each row is made unit once, not for every pair
_STRIP = 1024  # gallery rows of a strip: its keys are looked through while in the cache
_SLAB = 512  # probes of a float64 product in one go


@dataclass(frozen=True)
class Panel:
    """The probes of one pass over the gallery.

    Attributes:
        part: their place among all probes.
        unit_pD: unit rows in float64, the reference's own.
        operand: the same, rounded for screening.
    """

    part: slice
    unit_pD: NDArray[np.float64]
    operand: Operand

    @staticmethod
    def of(probes: Vectors, part: slice, precision: Precision, device: torch.device) -> "Panel":
        """Reads and rounds probes `part`."""
        step = step_of(probes, part, precision)
        return Panel(part, probes.unit(part), lower(probes, part, precision, device, step))


@dataclass(frozen=True)
class Pairs:
    """m pairs and their reference scores.

    Attributes:
        row: probe, counted from the panel's first.
        col: gallery row, counted from the tile's first.
        score: float64 [m].
    """

    row: NDArray[np.intp]
    col: NDArray[np.intp]
    score: NDArray[np.float64]


class Tile:
    """The similarities of a panel and some gallery rows, save those that are masked."""

    def __init__(
        self,
        panel: Panel,
        gallery: Vectors,
        part: slice,
        out: Places,
        precision: Precision,
        memory: Tensor,
    ) -> None:
        """Rounds, multiplies and takes block maxima, strip by strip.

        Args:
            panel: the probes.
            gallery: all gallery rows.
            part: those of this tile.
            out: pairs to be masked: row and column from the panel's and the tile's first.
            precision: that of the panel's operand.
            memory: flat, `room` similarities; the tile lives in it until the next is made.
        """
        self.panel, self.part, self.count = panel, part, part.stop - part.start
        self._gallery = gallery
        wide = _width(self.count)
        shape = -(-self.count // wide), len(panel.unit_pD), wide
        strips = memory[: math.prod(shape)].view(shape)
        step = step_of(gallery, part, precision)
        order = np.argsort(out[1], kind="stable")
        rows, cols = out[0][order], out[1][order]

        def strip(here: slice) -> tuple[Keys, float]:
            there = slice(part.start + here.start, part.start + here.stop)
            columns = lower(gallery, there, precision, panel.operand.matrix.device, step)
            width = bound(panel.operand, columns, precision)
            memory = strips[here.start // wide]
            keys = product(panel.operand, _padded(columns, wide), precision, memory)
            some = slice(*np.searchsorted(cols, (here.start, here.stop)))
            keys[rows[some], cols[some] - here.start] = masked(keys)
            keys[:, here.stop - here.start :] = masked(keys)
            return largest(keys), width

        made = over_parts(strip, self.count, wide)
        bits = strips.view(torch.int16) if precision == "bfloat16" else strips
        self.screened = Keyed(
            bits.numpy(),
            np.concatenate([maxima for maxima, _ in made], axis=1),
            panel.operand.step * step,
            precision,
            max(width for _, width in made),
        )

    def reaching(self, least_p: NDArray[np.float64]) -> Pairs:
        """Exact scores of all pairs that reach `least`, [p], and perhaps of some just below."""
        places, crowd_p = self.screened.near(least_p, max(64, self.count // _MANY))
        score = self.exact(*places)
        self.screened.check(places, score)
        parts = [(*places, score)]
        for rows, keyed in self.finely(np.flatnonzero(crowd_p)):
            (row, col), _ = keyed.near(least_p[rows])
            parts.append((rows[row], col, self.exact(rows[row], col)))
        return Pairs(*(np.concatenate([part[i] for part in parts]) for i in range(3)))

    def among(
        self, rising_pT: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Pairs, NDArray[np.intp]]:
        """Where all scores lie among thresholds.

        Args:
            rising_pT: T thresholds of each probe, rising.

        Returns:
            For each threshold how many scores are known to be greater, [p, T]; exact scores of the
            pairs of which some threshold left it open, [m]; and how many thresholds, the lowest
            ones, count each of those already, [m].
        """
        enough = max(64, self.count // _MANY_ABOVE)
        sure_pT, places, under_m, crowd_p = self.screened.among(rising_pT, enough)
        score = self.exact(*places)
        self.screened.check(places, score)
        parts = [(*places, score, under_m)]
        for rows, keyed in self.finely(np.flatnonzero(crowd_p)):
            sure_pT[rows], (row, col), under_m = keyed.all_among(rising_pT[rows])
            parts.append((rows[row], col, self.exact(rows[row], col), under_m))
        row, col, score, under_m = (np.concatenate([part[i] for part in parts]) for i in range(4))
        return sure_pT, Pairs(row, col, score), under_m

    def finely(self, rows: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], Keyed]]:
        """The similarities of some probes anew, by a float64 product: slab by slab."""
        for start in range(0, len(rows), _SLAB):
            some = rows[start : start + _SLAB]
            probes = Operand(torch.from_numpy(self.panel.unit_pD[some]), 1.0, 0.0)
            memory = blank((len(some), len(self._columns.matrix)), "float64")
            keys = product(probes, self._columns, "float64", memory)
            keys[self.screened.is_masked(some)] = masked(keys)
            width = bound(probes, self._columns, "float64")
            yield some, Keyed(keys[None], largest(keys), 1.0, "float64", width)

    def exact(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[np.float64]:
        """The reference scores of m pairs of the tile, [m]."""
        if len(rows) > _OFTEN * self.count:
            unit_gD = self._unit
            return gathered_scores(self.panel.unit_pD, unit_gD, rows, cols, shortened=True)
        return gathered_scores(self.panel.unit_pD, self._block, rows, cols)

    @cached_property
    def _block(self) -> NDArray[np.float32]:
        return self._gallery.block(self.part)

    @cached_property
    def _unit(self) -> NDArray[np.float64]:
        return self._gallery.unit(self.part)

    @cached_property
    def _columns(self) -> Operand:
        columns = lower(self._gallery, self.part, "float64", torch.device("cpu"))
        return _padded(columns, _width(self.count))


def room(probes: int, rows: int) -> int:
    """Similarities for which a tile of at most so many probes and gallery rows needs memory."""
    wide = _width(rows)
    return probes * -(-rows // wide) * wide


def _width(count: int) -> int:
    """Gallery rows in a strip: whole blocks, few enough to stay in the cache."""
    return min(_STRIP, -(-count // WIDTH) * WIDTH)


def _padded(operand: Operand, width: int) -> Operand:
    """Zero rows added up to whole strips."""
    short = -len(operand.matrix) % width
    if not short:
        return operand
    matrix = torch.nn.functional.pad(operand.matrix, (0, 0, 0, short))
    return Operand(matrix, operand.step, operand.residual)

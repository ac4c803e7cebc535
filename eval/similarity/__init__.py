"""Similarities of large sets: memory-mapped, tile by tile, and exact.

    search(probes, gallery, Plan(top=10, tail=3531, sizes=(10, 100, 1000)))

compares every probe with every gallery row and returns what the plan asks for: the best impostors
of each probe, the largest impostor scores of all, counts above thresholds, a histogram. Products
run in a cheap precision whose error is bounded (`screens`); the few pairs that the bound leaves
open are scored again in float64 (`exact`). No figure depends on tiles, ranks or precision.

    vectors     embeddings as they are taken, checked and located
    pairs       which pairs are impostors
    engine      the pass, over ranks, to be taken up again (`restart`)
    statistics  what is kept of it, `plan` what is asked and given back
    tile, keyed one tile: block maxima first, then the few blocks that matter
    screens     the cheap precisions and their bound
    exact       the reference score
    ranked      where scores lie among thresholds
    duplicates  rows that come twice, to be told of
"""

from eval.similarity.duplicates import Duplicates, duplicates
from eval.similarity.engine import Shape, search
from eval.similarity.pairs import Labels, PairRule, Which, genuine_pairs
from eval.similarity.plan import Counts, Found, Plan, Tail, Top
from eval.similarity.screens import PRECISIONS, Precision
from eval.similarity.vectors import Vectors, score_pairs

__all__ = [
    "PRECISIONS",
    "Counts",
    "Duplicates",
    "Found",
    "Labels",
    "PairRule",
    "Plan",
    "Precision",
    "Shape",
    "Tail",
    "Top",
    "Vectors",
    "Which",
    "duplicates",
    "genuine_pairs",
    "score_pairs",
    "search",
]

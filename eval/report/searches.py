"""Tables of what is no 1:1 verification: identification, retrieval, spread over groups; headlines.

Numbers are the results' own; text is escaped here.
"""

from typing import Any

from eval.report.cells import NONE, decimals, interval, named, row, whole
from eval.report.results import Series, list_name, title
from eval.report.shapes import bounds_of, count_of, has, number, rate_keys, rate_names
from eval.report.tables import rate
from pages.tables import small, table
from pages.text import breakable, escape


def headlines(series: list[Series]) -> str:
    """The main figures of results that have no accuracy, one row each."""
    rows = []
    for one in series:
        found = "".join(
            f"<div><small>{escape(name)}</small>{value}</div>"
            for name, value in _headlines(one.result)
        )
        rows.append(
            f'<tr><th scope="row">{named(one)}</th><td>{escape(title(one.result))}'
            f"{small(breakable(list_name(one.result)))}</td>"
            f'<td><div class="figs">{found or NONE}</div></td></tr>'
        )
    return table(
        "Brackets are 95 % intervals; means over trials have their deviation taken off, as in "
        "publications. Rank 1 of n is among n distractors. How each was found stands below.",
        ("Model", "Protocol", "Main figures"),
        rows,
        words=3,
        sortable=False,
    )


def identification(series: list[Series]) -> str:
    """Rank k by the number of distractors."""
    rows = [(one, found) for one in series for found in one.result["identification"]]
    ranks = sorted({k for _, found in rows for k in _ranks(found)} - {1})
    head = ["Model", "Distractors", "Trials", "Rank 1", *(f"Rank {k:,}" for k in ranks), "Ties"]
    return table(
        "Share of trials whose mate is among the first k of the distractors and itself. Ties count "
        "as misses; where it matters, the share with ties as hits stands beneath. Brackets are "
        "95 % intervals.",
        head,
        [row(one, _size(found, ranks)) for one, found in rows],
    )


def recall(series: list[Series]) -> str:
    """Recall@K with counts and intervals, a row a K."""
    return table(
        "Share of queries with one of their class among the K nearest other images.",
        ("Model", "K", "Recall@K", "95 % interval", "Queries"),
        [
            row(
                one,
                [
                    f"{found['k']:,}",
                    decimals(found["recall"]),
                    interval(bounds_of(found)),
                    whole(found.get("hits")) + _queries(one.result),
                ],
            )
            for one in series
            for found in one.result["recall"]
        ],
    )


def nmi(series: list[Series]) -> str:
    """Normalised mutual information, by both averages."""
    return table(
        "Normalised mutual information of k-means clusters and classes, 1 where they agree; "
        "divided by the arithmetic or geometric mean of the entropies.",
        ("Model", "NMI", "NMI, geometric", "Clusters", "Seed"),
        [
            row(
                one,
                [
                    decimals(one.result["nmi"]["arithmetic"]),
                    decimals(one.result["nmi"].get("geometric")),
                    whole(one.result["nmi"].get("clusters")),
                    whole(one.result["nmi"].get("seed")),
                ],
            )
            for one in series
        ],
    )


def spread(series: list[Series]) -> str:
    """How groups differ."""
    return table(
        "Accuracy over groups: the smaller the deviation and the nearer the ratio to 1, the more "
        "alike they fare. Deviation with ddof 1; the ratio is largest error / smallest error.",
        ("Model", "Average accuracy", "Deviation", "Skewed error ratio"),
        [
            row(
                one,
                [
                    decimals(one.result["spread"]["mean"]),
                    decimals(one.result["spread"].get("std")),
                    decimals(one.result["spread"].get("skewed_error_ratio"), 3),
                ],
            )
            for one in series
        ],
    )


def _headlines(result: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if has(result, "spread"):
        over = result["spread"]
        words = f"deviation {decimals(over.get('std'))}"
        found.append(("Average accuracy", decimals(over["mean"]) + small(words)))
    if has(result, "groups"):
        found += [_group(each) for each in result["groups"]]
    if has(result, "rank1"):
        found.append(_rank1(result))
    for key in rate_keys(result):
        of, at = rate_names(key)
        for point in result[key]:
            found.append((f"{of.upper()} @ {at.upper()} {point[at]:g}", rate(point, of)))
    if has(result, "recall"):
        for point in result["recall"]:
            value = decimals(point["recall"]) + small(interval(bounds_of(point)))
            found.append((f"Recall@{point['k']:,}", value))
    if has(result, "nmi"):
        found.append(("NMI", decimals(result["nmi"]["arithmetic"])))
    return found


def _group(each: dict[str, Any]) -> tuple[str, str]:
    accuracy = each["result"]["accuracy"] if has(each["result"], "accuracy") else {}
    error = accuracy.get("std_error")
    return str(each["group"]), decimals(accuracy.get("mean")) + small(f"± {decimals(error)}")


def _rank1(result: dict[str, Any]) -> tuple[str, str]:
    """Rank 1, with distractors and interval where a row of the sizes is the one it is from."""
    name, value = "Rank 1", decimals(result["rank1"])
    if not has(result, "identification"):
        return name, value
    last = max(result["identification"], key=lambda found: found["distractors"])
    if last["rank1"] != result["rank1"]:
        return name, value
    return f"{name} of {last['distractors']:,}", value + small(interval(bounds_of(last)))


def _ranks(found: dict[str, Any], of: str = "recall") -> dict[int, float]:
    pairs = zip(found.get("rank") or [], found.get(of) or [])
    return {rank: share for rank, share in pairs if number(rank)}


def _size(found: dict[str, Any], ranks: list[int]) -> list[str]:
    strict, kind = _ranks(found), _ranks(found, "recall_favourable")
    compared = found.get("compared", found["distractors"])
    left = "" if compared == found["distractors"] else f"{whole(compared)} compared"
    first = found["rank1"], found.get("rank1_favourable")
    return [
        f"{found['distractors']:,}" + small(left),
        whole(found.get("trials")),
        decimals(first[0]) + small(interval(bounds_of(found))) + _ties(*first),
        *(decimals(strict.get(k)) + _ties(strict.get(k), kind.get(k)) for k in ranks),
        whole(found.get("ties")),
    ]


def _ties(strict: Any, kind: Any) -> str:
    return "" if kind in (None, strict) else small(f"ties as hits {decimals(kind)}")


def _queries(result: dict[str, Any]) -> str:
    queries = count_of(result, "queries")
    return f" of {whole(queries)}" if queries else ""

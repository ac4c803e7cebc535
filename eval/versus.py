"""`python -m eval versus`: two models on the same list, with a test of their difference."""

import argparse
from typing import Any

from data_prep.files import read_json, write_json
from eval.metrics.paired import compare
from eval.outputs import require_free
from eval.protocols.base import RESULT, SCHEMA
from eval.protocols.pair_scores import unpacked
from eval.report.shapes import count_of, has, number

EXAMPLE = """\
example:
  python -m eval versus out/r50_lfw.json out/r100_lfw.json

Differences are the second less the first. Intervals are drawn over people (docs/protocols.md), the
same people for both models; one that holds 0 is no evidence of a difference. McNemar's exact p
takes pairs as independent.
"""
_KEYS = ("title", "compat", "counts", "accuracy", "tar_at_far", "data", "model")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval versus`."""
    parser.epilog = EXAMPLE
    parser.add_argument("first", metavar="A.json", help="a result of run")
    parser.add_argument("second", metavar="B.json", help="another, on the same pair list")
    parser.add_argument("--out", metavar="FILE.json", help="writes the comparison as well")


def run(args: argparse.Namespace) -> None:
    """Compares and prints.

    Raises:
        ValueError: the results are not of the same pairs, or hold no scores.
        OSError: a file that cannot be read or written.
    """
    if args.out:
        require_free("--out", args.out, {"a result": [args.first, args.second]})
    found = versus(args.first, args.second)
    if args.out:
        write_json(args.out, found)
    print(text(found))
    if args.out:
        print(f"wrote {args.out}")


def versus(first: str, second: str) -> dict[str, Any]:
    """The comparison of two results as strict-JSON data.

    Raises:
        ValueError: as `run`.
        OSError: as `run`.
    """
    results = [_read(path) for path in (first, second)]
    lists = [result["data"]["pairs"]["sha256"] for result in results]
    a, b = (unpacked(result, path) for result, path in zip(results, (first, second)))
    if lists[0] != lists[1] or (a.same_n != b.same_n).any():
        raise ValueError(
            f"{first} and {second}: results of different pair lists (SHA-256 {lists[0][:8]} and "
            f"{lists[1][:8]}); run both on one list"
        )
    points = [
        [p for p in result["tar_at_far"] if p["resolvable"] and p["mode"] == "exact"]
        for result in results
    ]
    both = [(p, q) for p in points[0] for q in points[1] if p["far"] == q["far"]]
    figures = compare(a.judged, b.judged, a.same_n, a.people, [p["far"] for p, _ in both])
    for row, (p, q) in zip(figures["tar_at_far"], both):
        row |= {"first": p["tar"], "second": q["tar"], "difference": q["tar"] - p["tar"]}
    return {
        "schema": SCHEMA,
        "title": results[0]["title"],
        "counts": results[0]["counts"],
        "pairs": results[0]["data"]["pairs"],
        "models": [
            {"result": path, "model": result["model"], "compat": result["compat"]}
            for path, result in zip((first, second), results)
        ],
        **figures,
    }


def text(found: dict[str, Any]) -> str:
    """The comparison in a few lines."""
    accuracy, counts = found["accuracy"], found["counts"]
    lines = [
        f"{found['title']}: {counts['genuine']:,} genuine and {counts['impostor']:,} impostor "
        f"pairs; intervals of 95 %, {found['draws']:,} draws of {found['unit']}"
    ]
    for key, model in zip("AB", found["models"]):
        rule = f", rule of {model['compat']}" if model["compat"] else ""
        lines.append(f"{key}         {model['result']}{rule}")
    lines.append(_line("accuracy", accuracy))
    lines.append(
        f"          McNemar's exact p = {accuracy['mcnemar_p']:.3g} ({accuracy['only_first']:,} "
        f"pairs right in A alone, {accuracy['only_second']:,} in B alone)"
    )
    lines += [_line(f"TAR@FAR={row['far']:g}", row) for row in found["tar_at_far"]]
    return "\n".join(lines)


def _line(name: str, row: dict[str, Any]) -> str:
    low, high = row["ci95"]
    verdict = "" if low <= 0 <= high else ", does not hold 0"
    return (
        f"{name}  A {row['first']:.4f}, B {row['second']:.4f}, B - A {row['difference']:+.4f} "
        f"({low:+.4f} to {high:+.4f}{verdict})"
    )


def _read(path: str) -> dict[str, Any]:
    result = read_json(path, RESULT)
    if (
        not isinstance(result, dict)
        or result.get("schema") != SCHEMA
        or not all(key in result for key in _KEYS)
        or not _fits(result)
    ):
        raise ValueError(f"{path}: expected a result of a protocol of pairs, as run writes it")
    return result


def _fits(result: dict[str, Any]) -> bool:
    """Whether what is compared has the shapes that run gives it."""
    data = result["data"]
    return (
        has(result, "counts", "tar_at_far")
        and all(number(count_of(result, key)) for key in ("genuine", "impostor", "pairs"))
        and all({"mode", "resolvable"} <= row.keys() for row in result["tar_at_far"])
        and all(number(row.get("tar")) for row in result["tar_at_far"] if row["resolvable"])
        and isinstance(data, dict)
        and isinstance(data.get("pairs"), dict)
        and isinstance(data["pairs"].get("sha256"), str)
    )

"""Racial Faces in the Wild (Wang et al., 2019): four lists of 6,000 pairs, and how they differ.

Each list has LFW's layout without its first line and is judged by LFW's procedure alone. Then, as
Wang and Deng (2020) compare models: the average accuracy of the lists, its deviation over them
(ddof 1 here; theirs is not stated) and the skewed error ratio, largest error / smallest error.
"""

import argparse
from pathlib import PurePath
from typing import Any

import numpy as np

from eval.protocols import lfw
from eval.protocols.base import SCHEMA, Protocol
from eval.protocols.pair_protocol import PairProtocol, add_rule_arguments, summary
from eval.protocols.pairs import folder_of, sha256_of

GROUP = PairProtocol(
    title="RFW",
    about="one list of RFW alone, e.g. African",
    parse_list=lfw.parse,
    person=folder_of,
    official_pairs=6_000,
    official_sha256=None,
    notes=(
        "One of RFW's four lists, judged with thresholds of its own; LFW's procedure. RFW's people "
        "come from MS-Celeb-1M: models trained on it must leave them out.",
    ),
)


class Rfw(Protocol):
    """The four lists together."""

    title = "RFW"
    about = "Racial Faces in the Wild: four lists, their average and spread"
    example = "--pairs African_pairs.txt Asian_pairs.txt --embeddings out/rfw"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Lists, and their embeddings."""
        parser.add_argument(
            "--pairs",
            required=True,
            nargs="+",
            metavar="FILE",
            help="a pair list (or .bin) a group",
        )
        parser.add_argument(
            "--embeddings",
            required=True,
            nargs="+",
            metavar="X",
            help="one path without suffix for all lists, or one a list, in their order",
        )
        add_rule_arguments(parser)

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """A whole verification result a group, and what sums them up."""
        from data_prep.embeddings import load, require_one_model
        from eval.protocols.verification import verify

        prefixes = args.embeddings * (len(args.pairs) if len(args.embeddings) == 1 else 1)
        if len(prefixes) != len(args.pairs):
            raise ValueError(
                f"{len(args.pairs)} lists and {len(prefixes)} embeddings; expected one X for all "
                "lists, or one a list"
            )
        _require_own_bins(args.pairs, prefixes)
        opened = [load(prefix) for prefix in prefixes]
        for embeddings in opened[1:]:
            require_one_model(opened[0], embeddings)
        groups: list[dict[str, Any]] = []
        for pairs, embeddings in zip(args.pairs, opened):
            result = verify(
                "rfw_group",
                pairs,
                embeddings,
                compat=args.compat,
                fars=args.far,
                far_mode=args.far_mode,
                images=args.images,
                command=command,
            )
            groups.append({"group": group_name(pairs), "result": result})
        results = [group["result"] for group in groups]
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": self.title,
            "compat": args.compat,
            "counts": {
                kind: sum(result["counts"][kind] for result in results)
                for kind in ("genuine", "impostor", "pairs")
            },
            "groups": groups,
            "spread": spread([result["accuracy"]["mean"] for result in results]),
            "model": results[0]["model"],
            "command": command,
        }

    def summary(self, result: dict[str, Any]) -> str:
        """Each group in full, then the comparison."""
        blocks = [f"{each['group']}\n{summary(each['result'])}" for each in result["groups"]]
        over = result["spread"]
        ratio = over["skewed_error_ratio"]
        last = (
            f"average accuracy {over['mean']:.4f}, deviation over groups "
            + ("undefined" if over["std"] is None else f"{over['std']:.4f}")
            + ", largest / smallest error "
            + ("undefined, a group has none" if ratio is None else f"{ratio:.3f}")
        )
        return "\n\n".join([*blocks, last])


def _require_own_bins(lists: list[str], prefixes: list[str]) -> None:
    """Refuses one X for two .bin: both call their images 000000 and so on."""
    bin_of: dict[str, str] = {}
    for path, prefix in zip(lists, prefixes):
        if PurePath(path).suffix != ".bin":
            continue
        other = bin_of.setdefault(prefix.removesuffix(".npy"), path)
        if other != path and sha256_of(other) != sha256_of(path):
            raise ValueError(
                f"{path}: expected embeddings of its own, found {prefix}, which {other} has: every "
                ".bin names its images 000000 and so on; extract each, and give one X a list"
            )


def group_name(pairs: str) -> str:
    """`African` of `African_pairs.txt`, `African.bin` and the like."""
    return PurePath(pairs).stem.removesuffix("_pairs")


def spread(accuracies: list[float]) -> dict[str, float | None]:
    """Mean and deviation (ddof 1) of accuracies, and largest error / smallest error.

    The deviation is None of one accuracy; the ratio is None where an error is zero.
    """
    values = np.array(accuracies)
    errors = 1 - values
    return {
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else None,
        "skewed_error_ratio": float(errors.max() / errors.min()) if errors.min() > 0 else None,
    }


PROTOCOL = Rfw()

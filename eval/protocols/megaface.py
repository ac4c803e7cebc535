"""MegaFace challenge 1: FaceScrub probes among up to a million distractors.

Identification: for each ordered pair of two probes of one person, one is the probe and the other
the only image of its person in the gallery, beside the distractors. Rank k is a hit if fewer than k
distractors score as high as the mate; ties count against the model, and the rule that favours it
is reported as well. Verification: all pairs of one person's probes against all pairs of probe and
distractor. The devkit's own scoring is closed; its L2 distance ranks unit embeddings as cosine.

Figures with noise lists ("refined", "R") and without ("raw") are different protocols.
"""

import argparse
from pathlib import Path
from typing import Any

from eval.protocols.base import SCHEMA, Protocol, tar_lines
from eval.protocols.noise import TREATMENTS

FARS = ("1e-3", "1e-4", "1e-5", "1e-6")
RANKS = (1, 10, 100)
_INPUTS = (
    *("probes", "probe_list", "probe_noises"),
    *("distractors", "distractor_list", "distractor_noises"),
)


class MegaFace(Protocol):
    """Identification and verification among distractors."""

    title = "MegaFace challenge 1"
    about = "FaceScrub among up to a million distractors: rank 1 by size, TAR@FAR=1e-6"
    example = "--probes out/facescrub --distractors out/megaface"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Embeddings, lists, noise, and what to report."""
        lists = "the devkit's JSON, or a path a line (default: all of X; people are folders)"
        for side in ("probes", "distractors"):
            parser.add_argument(
                f"--{side}", required=True, metavar="X", help="path without suffix, or feature tree"
            )
        parser.add_argument("--probe-list", metavar="FILE", help=lists)
        parser.add_argument(
            "--distractor-list",
            nargs="+",
            default=[],
            metavar="FILE",
            help="one list, of which the first 10, 100, ... are looked at too; or a list a size",
        )
        parser.add_argument(
            "--algorithm", metavar="NAME", help="of the files of a feature tree, <image>_NAME.bin"
        )
        parser.add_argument(
            "--sizes", nargs="+", type=int, metavar="N", help="numbers of distractors (10 100 ...)"
        )
        parser.add_argument("--probe-noises", metavar="FILE", help="facescrub_noises.txt")
        parser.add_argument("--distractor-noises", metavar="FILE", help="megaface_noises.txt")
        parser.add_argument("--noise", choices=TREATMENTS, help="what is done with them (ours)")
        parser.add_argument("--seed", type=int, help="of insightface's jitter (0)")
        parser.add_argument(
            "--rank", nargs="+", type=int, default=RANKS, metavar="K", help="1 10 100"
        )
        parser.add_argument("--far", nargs="+", default=FARS, metavar="RATE", help=" ".join(FARS))
        parser.add_argument("--cmc-json", metavar="FILE", help="also write the devkit's cmc_*.json")
        parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        parser.add_argument(
            "--state", metavar="DIR", help="keep notes there, so that a stopped run goes on"
        )

    def judge(self, args: argparse.Namespace, command: str) -> dict[str, Any]:
        """Reads, compares, counts."""
        from data_prep.files import write_json
        from eval.outputs import require_free
        from eval.protocols.megaface_figures import devkit_json
        from eval.protocols.megaface_run import judged
        from models import comm

        if min(args.rank) < 1:
            raise ValueError(f"--rank {min(args.rank)}: expected 1 or more")
        _settle_noise(args)
        if args.cmc_json:
            given = {f"--{name.replace('_', '-')}": getattr(args, name) for name in _INPUTS}
            require_free("--cmc-json", args.cmc_json, given)
            if Path(args.cmc_json).resolve() == Path(args.out).resolve():
                raise ValueError(f"--cmc-json {args.cmc_json}: is --out too; choose another name")
        found = judged(args)
        if args.cmc_json and comm.rank() == 0:
            write_json(args.cmc_json, devkit_json(found.figures))
        return {
            "schema": SCHEMA,
            "protocol": args.protocol,
            "title": f"{self.title}, {found.version}",
            **found.figures,
            **found.about,
            "command": command,
        }

    def summary(self, result: dict[str, Any]) -> str:
        """Rank 1 by size, and TAR at each FAR; the same without noisy probes."""
        counts = result["counts"]
        lines = [
            f"{result['title']}: {counts['probes']:,} probes of {counts['people']:,} people, "
            f"{counts['trials']:,} trials, {counts['distractors']:,} distractors"
        ]
        lines += _figures_text(result)
        if result["dropped"]:
            dropped = result["dropped"]["counts"]
            lines.append(
                f"without noisy probes: {dropped['probes']:,} probes, {dropped['trials']:,} trials"
            )
            lines += _figures_text(result["dropped"])
        return "\n".join(lines)


def _settle_noise(args: argparse.Namespace) -> None:
    """Fills in --noise and --seed, which mean nothing without a list of noise."""
    listed = args.probe_noises or args.distractor_noises
    for option in ("noise", "seed"):
        if getattr(args, option) is not None and not listed:
            raise ValueError(
                f"--{option}: goes with --probe-noises or --distractor-noises; give a list, or "
                "leave it out"
            )
    args.noise, args.seed = args.noise or "ours", args.seed or 0
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed}: expected 0 or more")


def _figures_text(figures: dict[str, Any]) -> list[str]:
    lines = []
    for row in figures["identification"]:
        low, high = row["ci95"]
        others = [f"rank {k} {r:.4f}" for k, r in zip(row["rank"], row["recall"]) if k > 1]
        lines.append(
            f"{row['distractors']:>9,} distractors  rank 1 {row['rank1']:.4f}, 95 % interval "
            f"{low:.4f} to {high:.4f} ({row['rank1_hits']:,} of {row['trials']:,}; ties in "
            f"{row['ties']:,}, {row['rank1_favourable']:.4f} in their favour)"
            + "".join(f"; {other}" for other in others)
        )
    return lines + tar_lines(figures["tar_at_far"])


PROTOCOL = MegaFace()

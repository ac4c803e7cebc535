"""`python -m experiments`: the papers' experiments, their results, tables and pictures."""

import argparse
from pathlib import Path

from data_prep.cli import Parser

EXAMPLE = """\
examples:
  python -m experiments mnist --out runs/experiments --workers 2    all; call again to go on
  python -m experiments mnist --only mnist_coco --loss coco --seeds 2
  python -m experiments mnist --dry-run          builds all, two steps each, and what it would take
  python -m experiments collect --from runs/experiments             finished runs to the results
  python -m experiments figures                                     their pictures, into docs/
  python -m experiments page --out out/experiments.html             one page of all results
  python -m experiments tables                                      their tables, into the page
  python -m experiments tables --check           refuses a page with a figure that is not theirs

Data is looked for in the folder that LIKENESS_DATA names. A finished training is one JSON file,
written whole, and is not made again.
"""


def main(argv: list[str]) -> None:
    """Does what the arguments say.

    Raises:
        ValueError: bad arguments or results.
        OSError: a file that cannot be read or written, among them the data.
    """
    from experiments.presets import GROUPS

    parser = Parser(
        prog="python -m experiments",
        description="Repeat the papers' experiments with paired seeds. Settings are searched on a "
        "validation split, by one budget for each loss; a run sees the test set once, at its end.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group, experiments in GROUPS.items():
        _add_group(commands, group, [experiment.name for experiment in experiments])
    one = commands.add_parser("collect", help="finished runs to the committed result files")
    one.add_argument("--from", required=True, dest="source", metavar="DIR", help="--out of runs")
    one.set_defaults(run=_collect)
    one = commands.add_parser("figures", help="draw docs/experiments_*.png")
    one.set_defaults(run=_figures)
    one = commands.add_parser("page", help="all results as one HTML page")
    one.add_argument("--out", default="out/experiments.html", metavar="FILE.html")
    one.set_defaults(run=_page)
    one = commands.add_parser("tables", help="write the experiments' part of docs/results.md")
    one.add_argument("--check", action="store_true", help="compare only")
    one.set_defaults(run=_tables)
    args = parser.parse_args(argv)
    args.run(args)


def _add_group(
    commands: "argparse._SubParsersAction[Parser]", group: str, names: list[str]
) -> None:
    one = commands.add_parser(group, help=f"run {', '.join(names)}")
    one.add_argument("--out", default="runs/experiments", metavar="DIR", help="of all runs")
    one.add_argument("--only", choices=names, metavar="NAME", help="one of the above")
    one.add_argument("--loss", nargs="+", metavar="NAME", help="arms (default: all)")
    one.add_argument("--seeds", type=int, metavar="N", help="paired runs (default: the preset's)")
    one.add_argument("--workers", type=int, default=1, metavar="N", help="processes, a thread each")
    one.add_argument("--dry-run", action="store_true", help="two steps of each loss; no file")
    one.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    """Searches, then runs what is reported; what is finished stays."""
    from experiments.presets import GROUPS
    from experiments.tasks import open_task
    from experiments.work import do_all, dry_run, runs, searches

    if args.workers < 1 or (args.seeds is not None and args.seeds < 1):
        raise ValueError("--workers, --seeds: expected at least 1")
    for experiment in GROUPS[args.command]:
        if args.only not in (None, experiment.name):
            continue
        names = args.loss or [arm.name for arm in experiment.arms]
        arms, out = [experiment.arm(name) for name in names], Path(args.out)
        seeds = experiment.seeds if args.seeds is None else args.seeds
        if args.dry_run:
            print(dry_run(experiment, arms, seeds))
            continue
        open_task(experiment.task)  # missing data is said, and what can be fetched is, once
        do_all(searches(experiment, arms, out), args.workers, f"{experiment.name}: search")
        do_all(runs(experiment, arms, out, seeds), args.workers, f"{experiment.name}: runs")


def _collect(args: argparse.Namespace) -> None:
    from experiments.presets import EXPERIMENTS
    from experiments.results import collect

    found = [collect(experiment, Path(args.source)) for experiment in EXPERIMENTS.values()]
    if not any(found):
        raise ValueError(f"{args.source}: expected finished runs in it, found none")
    print("\n".join(f"wrote {path}" for path in found if path))


def _figures(args: argparse.Namespace) -> None:
    from experiments.pictures import draw_all

    print("\n".join(f"wrote {path}" for path in draw_all()))


def _page(args: argparse.Namespace) -> None:
    from experiments.page import write_html

    write_html(Path(args.out))
    print(f"wrote {args.out}")


def _tables(args: argparse.Namespace) -> None:
    from experiments.tables import PAGE, check_page, write_page

    if args.check:
        check_page()
        print(f"{PAGE}: every figure is that of the result files")
        return
    write_page()
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    from data_prep.cli import run

    run(main, "python -m experiments")

"""`python -m eval report`: results in, one page out; figures, tables and Markdown as well."""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

from data_prep.files import read_json, write_text

TITLE = "Face verification report"
"""Heading of a page that is given none."""

_EXAMPLE = """\
example:
  python -m eval report out/r50_lfw.json out/r100_lfw.json out/r50_sllfw.json --out report.html

Results of one list stand side by side, each two models compared; what "versus --out" wrote can be
given as well. The page is one file with everything in it, loads nothing from anywhere, and is drawn
from the files alone: neither the model nor the images need be there.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `python -m eval report`."""
    parser.epilog = _EXAMPLE
    parser.add_argument(
        "results", nargs="+", metavar="RESULT.json", help="what run or versus wrote"
    )
    parser.add_argument("--out", required=True, metavar="FILE.html", help="the page to write")
    parser.add_argument("--title", default=TITLE, help="heading of the page")
    parser.add_argument(
        "--figures", metavar="DIR", help="writes each plot as PNG and PDF as well, for a paper"
    )
    parser.add_argument("--csv", metavar="DIR", help="writes all figures and curves as CSV as well")
    parser.add_argument(
        "--markdown", metavar="FILE.md", help="writes the words and tables as Markdown as well"
    )


def run(args: argparse.Namespace) -> None:
    """Draws and writes.

    Raises:
        ValueError: a file that is no result, or an output that would replace an input.
        OSError: a file that cannot be read or written.
    """
    _check_outputs(args)
    from eval.report.html import by_list, page

    results, given = _read(args.results)
    text = page(results, args.title, given, _command(args))
    write_text(args.out, text)
    print(f"wrote {args.out} ({len(text.encode()) / 1e6:.1f} MB)")
    if args.markdown:
        from eval.report.markdown import markdown

        write_text(args.markdown, markdown(text))
        print(f"wrote {args.markdown}")
    if args.csv:
        from eval.report.paired import comparisons
        from eval.report.spreadsheets import write_tables

        lists = by_list(results)
        compared = [one for series in lists for one in comparisons(series, given)]
        files = write_tables(args.csv, [one for series in lists for one in series], compared)
        print(f"wrote {len(files)} files into {args.csv}")
    if args.figures:
        from eval.report.paper import write_figures

        files = write_figures(args.figures, _named_plots(by_list(results)))
        print(f"wrote {len(files)} files into {args.figures}")


def _read(paths: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Results, and comparisons of `versus`."""
    from eval.protocols.base import RESULT
    from eval.report.paired import is_comparison
    from eval.report.results import read_result

    results, given = [], []
    for path in paths:
        found = read_json(path, RESULT)
        if is_comparison(found):
            given.append(found)
        else:
            results.append(read_result(path))
    return results, given


def _named_plots(lists: list[list[Any]]) -> list[tuple[str, Any]]:
    """The plots of every list with names for files: of plain letters, each once."""
    from eval.report.results import title
    from eval.report.sections import plots_of

    found = []
    for place, series in enumerate(lists, start=1):
        name = re.sub(r"[^a-z0-9]+", "_", title(series[0].result).lower()).strip("_")[:40]
        found += [(f"{place}_{name}_{kind}", plot) for kind, plot in plots_of(series)]
    return found


def _command(args: argparse.Namespace) -> str:
    words = ["python", "-m", "eval", "report", *args.results, "--out", args.out]
    return shlex.join(words if args.title == TITLE else [*words, "--title", args.title])


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuses to write over what is read, or twice to one place."""
    taken = {Path(path).resolve(): "is one of the results" for path in args.results}
    for option in ("out", "markdown", "figures", "csv"):
        given = getattr(args, option)
        if given is None:
            continue
        place = Path(given).resolve()
        folders = option in ("figures", "csv")
        if place in taken and not (folders and taken[place] == "is a folder of files"):
            raise ValueError(f"--{option} {given}: {taken[place]}; choose another name")
        if folders and place.is_file():
            raise ValueError(f"--{option} {given}: expected a folder, it is a file")
        taken[place] = "is a folder of files" if folders else f"is written as --{option}"

"""What is told of an experiment, as plain blocks: Markdown and HTML are made of the same ones.

Words between backticks are names, words between double asterisks are strong.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from experiments.compare import Pair, p_text, pairs, signed, verdict
from experiments.design import CLIP, Point
from experiments.published import PAGES, Column, Page
from experiments.results import Results, load
from experiments.statistics import spread


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table whose first `words` columns hold words."""

    caption: str
    head: list[str]
    rows: list[list[str]]
    words: int = 1


@dataclass(frozen=True)
class Picture:
    """A PNG in docs/ and what it shows."""

    file: str
    text: str


Block = Text | Grid | Picture


@dataclass(frozen=True)
class Chapter:
    """A key, a title, and what is told below it."""

    key: str
    title: str
    blocks: list[Block]


def chapters(folder: Path) -> list[Chapter]:
    """What of the papers' claims held, then every experiment with a result file, as in `PAGES`.

    Raises:
        ValueError: a result file that is none.
        OSError: a file that cannot be read.
    """
    there = {name: folder / f"{name}.json" for name in PAGES}
    known = {name: load(path) for name, path in there.items() if path.exists()}
    told = [Chapter(name, PAGES[name].title, _blocks(known[name], PAGES[name])) for name in known]
    return [Chapter("claims", "What of the papers' claims held", _claims(known)), *told]


def _claims(known: dict[str, Results]) -> list[Block]:
    head = ["experiment", "a paper's claim", "here", "figure", "difference, 95 % over seeds"]
    rows = []
    for name, results in known.items():
        page = PAGES[name]
        columns = {column.figure: column for column in page.columns}
        for claim in page.claims:
            column = columns[claim.figure]
            found = verdict(claim, results, page.contrasts, column.factor)
            told = [found.difference, found.p, found.needed]
            rows.append([f"`{name}`", claim.says, f"**{found.word}**", column.title, *told])
    caption = "At the sizes told below, which are far from the papers' own"
    return [Grid(caption, [*head, "p, Holm", "seeds needed"], rows, words=4), Text(_CLAIMS)]


_CLAIMS = (
    "Seeds needed: about how many paired seeds a test of this difference alone would take to show "
    "the published one four times in five, going by the deviation found here. Student's t adds "
    "about two to a small number, Holm up to as many again, and the interval over test images may "
    "never let it be called real."
)


def _blocks(results: Results, page: Page) -> list[Block]:
    found = [
        Text(page.setup),
        _recipe(results),
        _figures(results, page),
        _noise(results, page),
        _differences(results, page),
        _search(results),
        *(Picture(file, text) for file, text in page.pictures),
    ]
    return [block for block in found if block is not None]


_OPTIMISERS = {"sgd": "SGD with momentum 0.9", "adamw": "AdamW"}


def _recipe(results: Results) -> Text:
    about, settings = results.about, results.about["settings"]
    ends = [run for arm in results.runs.values() for run in arm.values() if run["figures"]]
    cost = ends[0]["cost"]
    minutes = sum(run["cost"]["cpu_seconds"] for run in ends) / 60
    augment = _point(settings["augment"]) or "no augmentation"
    falls = " and ".join(f"{share:.0%}" for share in settings["milestones"])
    return Text(
        f"Network `{settings['net']}`, {cost['parameters']:,} parameters, {settings['dim']}-d; "
        f"{about['training_images']:,} training images, {settings['epochs']:g} epochs "
        f"({cost['steps']:,} steps of {settings['batch']}), {_OPTIMISERS[settings['optimiser']]}, "
        f"weight decay {settings['weight_decay']:g}, learning rate rising over the first "
        f"{settings['warmup']:.0%} of the run and / 10 at {falls}, the backbone's gradient clipped "
        f"at norm {CLIP:g}, {augment}, {about['precision']}. {len(ends)} runs, {minutes:.0f} CPU "
        f"minutes, torch {about['torch']}."
    )


def _figures(results: Results, page: Page) -> Grid:
    words = ["loss", "setting found", *(["published"] if page.published else [])]
    rows = []
    for arm, by_seed in results.runs.items():
        finished = [run for run in by_seed.values() if run["figures"]]
        cells = [f"`{arm}`", _setting(results, arm)]
        cells += [page.published.get(arm, "none")] if page.published else []
        cells += [_seeds(len(finished), len(by_seed))]
        rows.append(cells + [_spread(results, arm, column) for column in page.columns])
    head = [*words, "seeds", *(column.title for column in page.columns)]
    return Grid("Mean over seeds ± standard deviation", head, rows, words=len(words))


def _setting(results: Results, arm: str) -> str:
    """What was found, what was given, and over how much of the run margins rise."""
    loss = next(iter(results.runs[arm].values()))["loss_config"]
    eased = loss["warmup_epochs"] / results.about["settings"]["epochs"]
    rising = f", eased over {eased:.0%}" if eased else ""
    return _point({**results.point(arm), **loss["args"]}) + rising


def _seeds(finished: int, begun: int) -> str:
    return str(finished) if finished == begun else f"{finished}, {begun - finished} diverged"


def _spread(results: Results, arm: str, column: Column) -> str:
    values = results.values(arm, column.figure)
    if not values:
        return "-"
    found = spread([column.factor * value for value in values])
    mean = f"{found.mean:.{column.digits}f}"
    return mean if found.sd is None else f"{mean} ± {found.sd:.{column.digits}f}"


def _noise(results: Results, page: Page) -> Text | None:
    """What one run's error is worth, whatever the loss."""
    arm = next(iter(results.runs))
    if page.columns[0].figure != "error_percent" or not results.values(arm, "images"):
        return None
    count = results.values(arm, "images")[0]
    error = spread(results.values(arm, "error_percent")).mean / 100
    noise = 100 * math.sqrt(error * (1 - error) / count)
    repeated = "; no repeated runs are known of the papers" if page.published else ""
    return Text(
        f"On {count:,} test images an error of {100 * error:.2f} % has a standard error of "
        f"{noise:.3f} points by itself{repeated}."
    )


def _differences(results: Results, page: Page) -> Grid | Text:
    columns = {column.figure: column for column in page.columns}
    rows = []
    for figure in page.compared:
        for pair in pairs(results, figure, page.contrasts):
            column = columns[figure]
            gap = _gap(pair, column.factor)
            rows.append([column.title, f"`{pair.arm}` - `{pair.than}`", *gap])
    if not rows:
        return Text("No two losses have two seeds in common yet.")
    head = ["figure", "difference", "mean, 95 % over seeds", "p, Holm", "95 % over test set"]
    return Grid("Differences between losses, paired by seed", [*head, "real"], rows, words=2)


def _gap(pair: Pair, factor: float) -> list[str]:
    gap, images = pair.gap, "-"
    if pair.images is not None:
        images = " to ".join(signed(end, factor) for end in pair.images)
    mean, low, high = (signed(value, factor) for value in (gap.mean, gap.low, gap.high))
    over_seeds = f"{mean} ({low} to {high})"
    return [over_seeds, p_text(pair.p_holm), images, "yes" if pair.real else "no"]


def _search(results: Results) -> Grid | None:
    rows = [
        [f"`{arm}`", *(f"{_point(one['point'])}: {_criterion(one['criterion'])}" for one in found)]
        for arm, found in results.searches.items()
    ]
    if not rows:
        return None
    head = ["loss", *[f"point {place}" for place in range(1, max(len(row) for row in rows))]]
    one = next(iter(results.searches.values()))[0]
    caption = (
        f"The search: {one['training_images']:,} images to train on, epochs: {one['epochs']:g}, "
        "one seed; error, %, on those held out"
    )
    return Grid(caption, head, rows, words=len(head))


def _criterion(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.2f}"


def _point(point: Point) -> str:
    return ", ".join(
        f"{key} {value:g}" if isinstance(value, int | float) else f"{key} {value}"
        for key, value in point.items()
    )

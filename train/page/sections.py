"""The sections of a run's page."""

from typing import Any

import yaml

from pages.drawing import figure
from pages.pictures import data_uri, image
from pages.plot import Plot
from pages.tables import row, small, table
from pages.text import breakable, escape, tidy
from train.page.curves import readable, set_name, training_plots, verification_plots
from train.page.gather import Run
from train.page.run_file import DONE

_ROWS = 40
"""Restarts and bad steps that a table shows; the last ones."""

_VERIFIED = 15
"""Verifications that the table shows; the last ones, and the best."""

_ERROR = "std_error"


def training_section(run: Run) -> str:
    """The curves of what was logged."""
    return _figures(training_plots(run), "t")


def _figures(plots: list[Plot], key: str) -> str:
    if not plots:
        return "<p>Nothing has been logged yet.</p>"
    drawn = "".join(figure(plot, f"{key}{place}") for place, plot in enumerate(plots))
    return f'<div class="figures">{drawn}</div>'


def best_name(run: Run) -> str:
    """The figure that decides which checkpoint is the best."""
    return str(run.settings("validation").get("best") or "accuracy")


def verification_section(run: Run) -> str:
    """Figures of each set over the run."""
    if not run.validation:
        if run.settings("validation").get("images"):
            return "<p>None yet.</p>"
        return (
            "<p>This run is not verified while it trains: <code>validation.images</code> is not "
            "set.</p>"
        )
    return _figures(verification_plots(run), "v") + _verification_table(run)


def _verification_table(run: Run) -> str:
    sets = run.validation.items()
    columns = [(whose, name) for whose, figures in sets for name in figures if name != _ERROR]
    head = [
        f"{set_name(run, whose)}: {readable(name)}" if len(sets) > 1 else readable(name)
        for whose, name in columns
    ]
    values = {
        (whose, name, step): value
        for whose, figures in sets
        for name, series in figures.items()
        for step, value in zip(series.steps, series.values)
    }
    steps = sorted({step for _, _, step in values})
    best = run.best[1] if run.best else None
    shown = [step for step in steps if step in steps[-_VERIFIED:] or step == best]
    rows = []
    for step in reversed(shown):
        cells = [f"{step / run.epoch:.2f}" if run.epoch else "–"]
        for whose, name in columns:
            value = values.get((whose, name, step))
            error = values.get((whose, _ERROR, step)) if name == "accuracy" else None
            said = "" if error is None else f"± {error:.4f}"
            cells.append("–" if value is None else f"{value:.4f}{small(said)}")
        rows.append(row(f"{step:,}{' <b>best</b>' if step == best else ''}", cells))
    left = len(steps) - len(shown)
    caption = "Newest first, with one standard error over the folds."
    caption += f" {left:,} earlier ones are in log.jsonl." if left else ""
    return table(caption, ["step", "epoch", *head], rows)


def samples_section(run: Run) -> str:
    """What the network was fed first."""
    if run.samples is None:
        return "<p>No samples: the run has not saved samples.jpg.</p>"
    used = {name: value for name, value in run.settings("augment").items() if value}
    text = ", ".join(f"{name} {_said(value)}" for name, value in used.items()) or "none"
    words = "the first images that the network was given when this run was last started"
    return (
        f"<p>{words[0].upper()}{words[1:]}, in their order, after augmentation "
        f"({escape(text)}). Faces should be upright, centred, in natural colours, and of one scale."
        f'</p><div class="sheet">{image(data_uri(run.samples), f"Contact sheet: {words}")}</div>'
    )


def checkpoints_section(run: Run) -> str:
    """The checkpoints that are there."""
    exported = (
        "<p>The network is exported to <code>export/</code>: "
        f"<code>python -m eval extract --model {escape(run.path)} …</code></p>"
        if run.exported or run.outcome == DONE
        else "<p>Not exported yet: that is done at the end.</p>"
    )
    if not run.checkpoints:
        return f"<p>None yet.</p>{exported}"
    rows = []
    for one in run.checkpoints:
        notes = [*(["newest"] if one is run.checkpoints[-1] else [])]
        if one.kept_as_best and run.best:
            notes.append(f"best {best_name(run)} ({run.best[0]:.4f})")
        cells = [escape(", ".join(notes)), f"{one.step:,}"]
        rows.append(row(f"<code>{escape(one.name)}</code>", cells, words=2))
    head = ["folder", "kept as", "step"]
    return table("Complete checkpoints in checkpoints/.", head, rows, words=2) + exported


def sessions_section(run: Run) -> str:
    """Every start of the command."""
    if not run.sessions:
        return "<p>Unknown.</p>"
    first = max(len(run.sessions) - _ROWS, 0)
    rows = [_session(run, place) for place in range(first, len(run.sessions))]
    caption = "Every start of the command; steps that were lost in a kill are done again."
    head = ["start", "how it ended", "from step", "to step", "done again", "processes", "device"]
    return table(caption, head, rows, words=2)


def _session(run: Run, place: int) -> str:
    one = run.sessions[place]
    after = run.sessions[place + 1] if place + 1 < len(run.sessions) else None
    step, reached = int(one.get("step", 0)), one.get("reached")
    again = int(reached) - step if isinstance(reached, int) else 0
    ended = str(one.get("outcome") or ("killed" if after else "still running, or killed"))
    last = one.get("last_step", after.get("reached") if after else None)
    cells = [
        escape(ended),
        f"{step:,}",
        f"{last:,}" if isinstance(last, int) else "–",
        f"{again:,}" if again > 0 else "–",
        escape(one.get("ranks", "–")),
        escape(one.get("device", "–")),
    ]
    began = str(one.get("at", "")).replace("T", " ").replace("+00:00", " UTC")
    return row(f"{escape(began) or place + 1}", cells, words=2)


def bad_steps_section(run: Run) -> str:
    """Steps whose loss or gradient was no number."""
    if not run.bad_steps:
        return "<p>None: every loss and every gradient was a number.</p>"
    rows = [
        row(
            f"{bad.step:,}",
            [
                escape(bad.loss),
                escape(bad.gradient_norm),
                escape(", ".join(map(str, bad.ranks)) or "none: it came about after them"),
                f"<code>non_finite/{escape(bad.file)}</code>",
            ],
            words=5,
        )
        for bad in run.bad_steps[-_ROWS:]
    ]
    policy = run.config.get("optim")
    kind = policy.get("non_finite") if isinstance(policy, dict) else None
    done = {"skip": "left out of the training", "stop": "the end of the run"}.get(
        str(kind), "noted"
    )
    caption = f"Such a step is {done} (optim.non_finite); its records are in the file."
    head = ["step", "loss", "gradient's norm", "ranks with bad embeddings", "file"]
    return table(caption, head, rows, words=5)


def data_section(run: Run) -> str:
    """The record sets with their hashes."""
    prefixes = run.settings("data").get("records") or []
    hashes = run.data.get("records") or []
    rows = []
    for place in range(max(len(prefixes), len(hashes))):
        prefix = prefixes[place] if place < len(prefixes) else "shard"
        digest = hashes[place] if place < len(hashes) else "unknown"
        rows.append(row(breakable(prefix), [f"<code>{breakable(digest)}</code>"], words=2))
    counts = ""
    if run.data:
        counts = (
            f"<p>{run.data.get('images', 0):,} images of {run.data.get('classes', 0):,} people. "
            "<code>python -m data_prep page PREFIX --out data.html</code> shows them.</p>"
        )
    if not rows:
        return counts + _bad_records(run) or "<p>Unknown.</p>"
    caption = "SHA-256 of each record set, as its manifest has it."
    return counts + table(caption, ["records", "SHA-256"], rows, words=2) + _bad_records(run)


def _bad_records(run: Run) -> str:
    if not run.bad_records:
        return ""
    listed = "".join(f"<li>{breakable(reason)}</li>" for reason in run.bad_records[:_ROWS])
    left = len(run.bad_records) - _ROWS
    more = f"<p>{left:,} more are in bad_records.jsonl.</p>" if left > 0 else ""
    return (
        f"<h3>Records that cannot be read: {len(run.bad_records):,}</h3><p>In place of each its "
        f'neighbour is taken (data.bad_records: skip).</p><ul class="notes">{listed}</ul>{more}'
    )


def settings_section(run: Run) -> str:
    """The command and the whole configuration."""
    command = f"<p><code>{escape(run.command)}</code></p>" if run.command else ""
    if not run.config:
        return command + "<p>Unknown.</p>"
    text = yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)
    return (
        f'{command}<pre class="settings" tabindex="0" aria-label="config.yaml">{escape(text)}</pre>'
    )


def _said(value: Any) -> str:
    return tidy(value) if isinstance(value, int | float) else str(value)

"""The page of a run as HTML, from what was gathered."""

import time
from datetime import UTC, datetime
from pathlib import Path

from data_prep.files import write_text
from data_prep.leftovers import remove_leftovers
from pages import headline
from pages.shell import Section, page
from pages.text import escape, tidy
from train.page.gather import PAGE, Run, gather
from train.page.run_file import DONE
from train.page.sections import (
    bad_steps_section,
    best_name,
    checkpoints_section,
    data_section,
    samples_section,
    sessions_section,
    settings_section,
    training_section,
    verification_section,
)

RELOAD = 60
"""Seconds after which the page of a run that is not done offers to be read again."""

_CSS = """
.state { font-size: 1.15rem; margin: .2rem 0 .6rem; }
.state b.good { color: var(--good); } .state b.bad { color: var(--bad); }
.sheet img { display: block; width: 100%; max-width: 84rem; height: auto; border-radius: 6px; }
pre.settings { overflow: auto; max-height: 40rem; font-size: .82rem; line-height: 1.5; }
"""


def draw(folder: Path) -> Path:
    """Writes the page of the run in `folder`; returns its path.

    Raises:
        FileNotFoundError: it is no run's folder.
        OSError: the page cannot be written.
    """
    html = page_of(gather(folder), time.time())
    html = html.encode("utf-8", "replace").decode("utf-8")  # names of files may be no text
    remove_leftovers(folder.glob(f".{PAGE}.*"), {PAGE})
    write_text(folder / PAGE, html)
    return folder / PAGE


def page_of(run: Run, now: float) -> str:
    """The page; `now` is the time of drawing, seconds since 1970."""
    sections = [
        Section("training", "Training", training_section(run)),
        Section("verification", "Verification", verification_section(run)),
        Section("samples", "What the network is fed", samples_section(run)),
        Section("checkpoints", "Checkpoints", checkpoints_section(run)),
        Section("restarts", "Starts and restarts", sessions_section(run)),
        Section("nonfinite", "Steps that were not finite", bad_steps_section(run)),
        Section("data", "Data", data_section(run)),
        Section("settings", "Settings", settings_section(run)),
    ]
    return page(
        f"Training: {run.name}",
        _lead(run, now),
        sections,
        footer=f"<p>Drawn by Likeness {_at(now)} from the run's folder alone; "
        f"<code>python -m train --page {escape(run.path)}</code> draws it again. Pictures of "
        "people are shown for the examination of a run only.</p>",
        css=headline.CSS + _CSS,
        reload_seconds=0 if run.outcome else RELOAD,
    )


def _lead(run: Run, now: float) -> str:
    state = f'<p class="state">{_state(run, now)}</p>'
    return state + headline.notices(_notices(run)) + headline.figures(_now(run))


def _state(run: Run, now: float) -> str:
    """In one sentence, whether it runs."""
    of = f" of {run.total:,}" if run.total else ""
    at = f"step {run.step:,}{of}"
    if run.outcome == DONE:
        return f'<b class="good">Done</b>: {at}.'
    if run.outcome:
        return f'<b class="bad">Stopped</b> at {at}: {escape(run.outcome)}'
    if run.logged_at is None:
        return "Nothing has been logged yet."
    silent = now - run.logged_at
    text = f"<b>Running</b>, or killed: {at}; last logged {_at(run.logged_at)}"
    return f"{text}, {_span(silent)} before this page was drawn." if silent > 90 else f"{text}."


def _now(run: Run) -> list[tuple[str, str]]:
    """The figures at the top; empty ones are left out."""
    loss, rate = (run.train.get(name) for name in ("loss", "images_per_second"))
    share = f"{run.step / run.total:.1%}" if run.total else ""
    best = f"{run.best[0]:.4f} at step {run.best[1]:,}" if run.best else ""
    passed = f"{run.step / run.epoch:.2f}" if run.epoch else ""
    epochs = run.config.get("epochs")
    left = "" if run.seconds_left is None else _span(run.seconds_left)
    return [
        ("done", share),
        ("epochs", passed + (f" of {tidy(epochs)}" if passed and epochs else "")),
        ("time left", left),
        ("time taken", _span(run.seconds) if run.seconds else ""),
        ("loss", f"{loss.values[-1]:.4g}" if loss and loss.values else ""),
        ("images a second", f"{rate.values[-1]:,.0f}" if rate and rate.values else ""),
        (f"best {best_name(run)}", best),
        ("restarts", str(len(run.sessions) - 1) if len(run.sessions) > 1 else ""),
        ("steps not finite", str(len(run.bad_steps)) if run.bad_steps else ""),
    ]


def _notices(run: Run) -> list[str]:
    """What must not be overlooked."""
    found = list(run.missing)
    if run.bad_steps:
        found.append(
            f"The loss or its gradient was no number at {_count(len(run.bad_steps), 'step')}; see "
            "“Steps that were not finite”."
        )
    if run.bad_records:
        found.append(f"{_count(len(run.bad_records), 'record')} cannot be read; see “Data”.")
    return found


def _span(seconds: float) -> str:
    """A time in words of two units at most."""
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if minutes < 1.5:
        return f"{seconds:.0f} s"
    if hours < 1.5:
        return f"{minutes:.0f} min"
    if days < 2:
        return f"{int(hours)} h {int(minutes) % 60} min"
    return f"{int(days)} days {int(hours) % 24} h"


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

"""Feeds damaged files to every reader; a value or a one-line ValueError or OSError is right.

    python tests/fuzz/run.py --inputs 1000000 --seed 0 [--only records bin]

Anything else is a failure: another exception, more than a second, tens of megabytes, a warning,
code that the input had executed. The input is then saved under --out, and the seed printed. An
input depends on the seed, the target and its number alone, so that it can be made again.
"""

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fuzz.mutate import mutated  # noqa: E402
from tests.fuzz.targets import Files, Target, targets  # noqa: E402

SECONDS = 1.0
"""Processor time an input may take."""

MEGABYTES = 32
"""How far the peak of memory may rise with an input."""

_FORBIDDEN = ("exec", "compile", "import", "pickle.find_class", "ctypes.")
_FORBIDDEN += ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.mkdir")
_FORBIDDEN += ("subprocess.", "socket.", "shutil.", "builtins.input")
"""Audit events (PEP 578) of which none belongs to reading data."""


class FailureError(BaseException):
    """What no reader may swallow: too long, too much, or forbidden."""


class Watch:
    """Forbids while a reader is at work what it must not do."""

    def __init__(self) -> None:
        self.on = False
        self.seen = ""
        sys.addaudithook(self._hook)
        signal.signal(signal.SIGVTALRM, self._too_long)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        writes = (
            event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1])
        )
        if writes or event.startswith(_FORBIDDEN):
            self.seen = f"{event} {arguments!r:.200}"
            raise FailureError(self.seen)

    def _too_long(self, *_: object) -> None:
        raise FailureError(f"more than {10 * SECONDS:g} seconds")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Seconds and memory are looked at when the reader is done; a hang is interrupted."""
        self.seen = ""
        peak, began = _peak(), time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, 10 * SECONDS)
        self.on = True
        try:
            yield
        finally:
            self.on = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        taken, grown = time.process_time() - began, _peak() - peak
        if self.seen:
            raise FailureError(self.seen)
        if taken > SECONDS:
            raise FailureError(f"{taken:.1f} seconds")
        if grown > MEGABYTES:
            raise FailureError(f"{grown:.0f} MB")


def _peak() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage gives the parent's where that is larger: it outlives exec
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def attempt(step: Callable[[], object]) -> object:
    """What a step gives, None where it is refused as it should be."""
    try:
        return step()
    except (ValueError, OSError) as error:
        # numpy and others chain their own; the line that a user sees is this one's.
        line = str(error)
        if not line.strip() or "\n" in line:
            raise FailureError(f"{type(error).__name__} that is not one line: {line!r}") from error
        return None


def read(target: Target, folder: Path) -> None:
    """All steps of a target on the files in a folder."""
    for step in attempt(lambda: target.read(folder)) or []:
        attempt(step)


def inputs(target: Target, count: int, seed: int) -> Iterator[tuple[int, int, Files]]:
    """(number, which seed file, the files that are changed) of each input."""
    for number in range(count):
        draw = random.Random(f"{seed}/{target.name}/{number}")
        which = draw.randrange(len(target.seeds))
        files = target.seeds[which]
        names = sorted(files)
        chosen = [draw.choice(names)] if draw.random() < 0.9 else names
        others = draw.choice(target.seeds)
        yield (
            number,
            which,
            {name: mutated(files[name], others.get(name, b""), draw) for name in chosen},
        )


def fuzz(target: Target, count: int, seed: int, watch: Watch, out: Path) -> int:
    """Runs one target; returns how many inputs failed."""
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / f"seed{which}" for which in range(len(target.seeds))]
        for folder, files in zip(folders, target.seeds):
            folder.mkdir()
            write(files, folder)
            target.prepare(folder)
            read(target, folder)  # imports what it needs, before that is forbidden
        for number, which, changed in inputs(target, count, seed):
            write(changed, folders[which])
            target.prepare(folders[which])
            try:
                with watch.reading():
                    read(target, folders[which])
            except (Exception, FailureError) as error:
                failures += 1
                keep = out / f"{target.name}-{seed}-{number}"
                keep.mkdir(parents=True, exist_ok=True)
                write(target.seeds[which] | changed, keep)
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(
                    f"{target.name}: seed {seed}, input {number}: {type(error).__name__}: "
                    f"{str(error)[:300]!r} at {where.filename}:{where.lineno}; kept in {keep}"
                )
            write({name: target.seeds[which][name] for name in changed}, folders[which])
    return failures


def write(files: Files, folder: Path) -> None:
    for name, data in files.items():
        # Some file systems flush a file that is cut and written again.
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(data)


def main(words: list[str] | None = None) -> int:
    """Runs all targets, or those asked for; returns the number of failures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=20_000, help="over all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="names of targets")
    parser.add_argument(
        "--out", type=Path, default=Path("out/fuzz"), help="where failures are kept"
    )
    args = parser.parse_args(words)
    warnings.simplefilter("error")
    chosen = [target for target in targets() if not args.only or target.name in args.only]
    shares = sum(target.share for target in chosen)
    watch = Watch()
    failures = 0
    for target in chosen:
        count = -(-args.inputs * target.share // shares)
        began = time.perf_counter()
        failed = fuzz(target, count, args.seed, watch, args.out)
        elapsed = time.perf_counter() - began
        print(
            f"{target.name:>10}: {count:,} inputs in {elapsed:.1f} s, {failed} failures", flush=True
        )
        failures += failed
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

"""What every command of this project does with its arguments and its errors."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and name the nearest word that exists."""

    def error(self, message: str) -> NoReturn:
        """Prints one line and exits with status 2."""
        found = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if found:
            known = re.findall(r"'([^']*)'", found.group(2))
            near = difflib.get_close_matches(found.group(1), known, n=1)
            if near:
                message += f"; did you mean {near[0]!r}?"
        print(f"{self.prog}: error: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def run(main: Callable[[list[str]], None], prog: str) -> NoReturn:
    """Runs a command; exit status 0 if its work was done whole, 2 with one line on bad input.

    Input errors are ValueError and OSError with a message that says what was expected, what came,
    where and what to do. `LIKENESS_DEBUG=1` shows the traceback as well.
    """
    try:
        main(sys.argv[1:])
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except (ValueError, OSError) as error:
        if os.environ.get("LIKENESS_DEBUG"):
            raise
        print(f"{prog}: error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(0)


def one_line(error: BaseException) -> str:
    """An error as one line of text; for operating-system errors the file and the reason."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())

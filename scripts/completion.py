"""Writes scripts/completion.sh, which completes the three commands in bash and zsh:

    python -m scripts.completion > scripts/completion.sh

Everything in it is taken from the parsers and tables, so opening a shell starts no Python.
"""

import argparse
import shlex
from collections.abc import Iterator
from typing import Literal, get_args, get_origin, get_type_hints

from configs import schema
from configs.load import dotted_keys
from data_prep.__main__ import build_parser as data_prep_parser
from eval.__main__ import build_parser as eval_parser
from eval.protocols import PROTOCOLS
from models.backbones import BACKBONES
from models.losses import LOSSES
from models.losses.reduction import REDUCTIONS
from train.arguments import build_parser as train_parser

_HEAD = """\
# Completes "python -m data_prep", "python -m eval" and "python -m train", also behind torchrun:
#   source scripts/completion.sh          in bash or zsh; or a line of ~/.bashrc or ~/.zshrc
# In that shell it takes the place of other completions of python and torchrun; file names are
# completed as before. Written by: python -m scripts.completion > scripts/completion.sh
"""

_TAIL = r"""
_likeness() {
  COMPREPLY=()
  local typed="${COMP_LINE:0:$COMP_POINT}" place="" found="" replies="" word before rest key
  rest="${typed#* -m }"
  [[ "$rest" == "$typed" ]] && return
  word="${typed##* }"
  before="${typed% *}"
  before="${before##* }"
  if [[ "$rest" != *" "* ]]; then
    found="data_prep eval train"
  else
    place="${rest%% *}"
    rest="${rest#* }"
    while [[ "$rest" == *" "* && " $(_likeness_commands "$place") " == *" ${rest%% *} "* ]]; do
      place="$place ${rest%% *}"
      rest="${rest#* }"
    done
    found="$(_likeness_values "$place $before")"
    if [[ -z "$found" && "$word" == *=* ]]; then
      key="${word%%=*}"
      found="$(_likeness_values "$place $key")"
      word="${word#*=}"
    elif [[ -z "$found" && "$word" == -* ]]; then
      found="$(_likeness_options "$place")"
    elif [[ -z "$found" && "$before" != --* ]]; then
      found="$(_likeness_commands "$place")"
      if [[ "$place" == train ]]; then
        found="$(_likeness_keys)"
        compopt -o nospace 2>/dev/null
      fi
    fi
  fi
  replies="$(compgen -W "$found" -- "$word")"
  [[ -n "$replies" ]] || return
  while IFS= read -r word; do
    # bash replaces what is behind the equals sign, zsh the whole word
    [[ -n "$key" && -n "${ZSH_VERSION-}" ]] && word="$key=$word"
    COMPREPLY+=("$word")
  done <<< "$replies"
}

if [ -n "${ZSH_VERSION-}" ]; then
  autoload -Uz compinit bashcompinit
  (( ${+functions[compdef]} )) || compinit
  bashcompinit
fi
complete -o bashdefault -o default -F _likeness python python3 torchrun
"""


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command with its parser: `train`, `eval run`, `data_prep clean noise`, ..."""
    yield "train", train_parser()
    yield from _below("data_prep", data_prep_parser())
    top = eval_parser([])
    yield "eval", top
    for name in _commands(top):
        if name == "run":
            for protocol in PROTOCOLS:
                words = ["run", "--protocol", protocol]
                yield "eval run", _commands(eval_parser(words))["run"]
        else:
            yield f"eval {name}", _commands(eval_parser([name]))[name]


def values() -> dict[str, list[str]]:
    """Settings of `train` that have names: dotted key to the names."""
    found = {
        "backbone.name": sorted(BACKBONES),
        "loss.name": sorted(LOSSES),
        "loss.reduction": sorted(REDUCTIONS),
        "validation.protocol": sorted(PROTOCOLS),
    }
    for key in dotted_keys():
        kind: type = schema.TrainConfig
        *sections, name = key.split(".")
        for section in sections:
            kind = get_type_hints(kind)[section]
        hint = get_type_hints(kind)[name]
        if get_origin(hint) is Literal:
            found[key] = list(get_args(hint))
        elif hint is bool:
            found[key] = ["true", "false"]
    return found


def script() -> str:
    """The whole of scripts/completion.sh."""
    options: dict[str, set[str]] = {}
    choices: dict[str, list[str]] = {f"train {key}": names for key, names in values().items()}
    commands: dict[str, list[str]] = {}
    for place, parser in parsers():
        if names := list(_commands(parser)):
            commands[place] = names
        for action in parser._actions:
            long = [word for word in action.option_strings if word.startswith("--")]
            options.setdefault(place, set()).update(long)
            if action.choices and not isinstance(action, argparse._SubParsersAction):
                for word in long:
                    choices[f"{place} {word}"] = [str(choice) for choice in action.choices]
    keys = " ".join(f"{key}=" for key in dotted_keys())
    return (
        _HEAD
        + _table("_likeness_commands", commands)
        + _table("_likeness_options", {place: sorted(words) for place, words in options.items()})
        + _table("_likeness_values", choices)
        + f"\n_likeness_keys() {{\n  echo {shlex.quote(keys)}\n}}\n"
        + _TAIL
    )


def _below(
    place: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield place, parser
    for name, command in _commands(parser).items():
        yield from _below(f"{place} {name}", command)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _table(name: str, rows: dict[str, list[str]]) -> str:
    """A shell function that says the words of a place."""
    lines = [
        f"    {shlex.quote(key)}) echo {shlex.quote(' '.join(words))} ;;"
        for key, words in rows.items()
    ]
    return "\n".join(["", f"{name}() {{", '  case "$1" in', *lines, "  esac", "}", ""])


if __name__ == "__main__":
    print(script(), end="")

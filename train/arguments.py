"""The arguments of `python -m train`."""

import argparse
from pathlib import Path

from data_prep.cli import Parser
from train.settings_help import settings_text

EXAMPLE = """\
examples:
  python -m train --config configs/presets/demo.yaml data.records=[out/train] out=runs/demo
  torchrun --nproc-per-node 8 -m train --config configs/presets/ms1mv3_r50.yaml
  python -m train --config configs/presets/demo.yaml --resume      after a stop, on any rank count
  python -m train --config configs/presets/ms1mv3_r50.yaml --dry-run       memory and time, no data
  python -m train --config configs/presets/demo.yaml --print-config       every setting, explained
  torchrun --nproc-per-node 8 --max-restarts 9 -m train --config FILE.yaml --resume
  torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29400 \
    --max-restarts 9 -m train --config FILE.yaml --resume       the same on each of two hosts

SIGTERM saves, and ends with status 143. --resume goes on from the last checkpoint, or starts where
there is none, so a launcher may always give it. --max-restarts then needs no one to look after it.
Hosts share OUT; one that is cut off is given up after timeout_minutes, and all start again with it.
KEY=VALUE words override the file: optim.lr=0.05 loss.name=arc loss.args.margin=0.4
What the run writes: OUT/page.html (open it in a browser while it trains), config.yaml log.jsonl
run.json samples.jpg tensorboard/ checkpoints/step_N/ export/, and non_finite/step_N.json (ranks and
records) where a loss was no number.
"""


def build_parser() -> Parser:
    """All of them."""
    parser = Parser(
        prog="python -m train",
        description="Train a face embedder: backbone, sharded head, one of the losses.",
        epilog=f"{EXAMPLE}\n{settings_text()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE.yaml", help="settings; see configs/presets")
    parser.add_argument(
        "--resume", action="store_true", help="go on from OUT's last checkpoint, if any"
    )
    parser.add_argument(
        "--untrained",
        action="store_true",
        help="write the network as it is before training to OUT/export and stop: a baseline",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print the whole configuration, each setting explained, and stop",
    )
    parser.add_argument("--plain", action="store_true", help="with --print-config: no comments")
    parser.add_argument(
        "--config-schema",
        action="store_true",
        help="print the JSON schema of a configuration, for editors, and stop",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="build everything, take two steps on noise, print memory and time, and stop; needs no "
        "records, writes nothing",
    )
    parser.add_argument(
        "--classes", type=int, metavar="N", help="people in the set of a dry run (data.classes)"
    )
    parser.add_argument(
        "--dry-batch",
        type=int,
        default=8,
        metavar="N",
        help="images a step and process of a dry run (8); on a GPU give your own batch",
    )
    parser.add_argument(
        "--page",
        type=Path,
        metavar="RUN",
        help="draw RUN/page.html again from the run's files, and stop; a run keeps its own fresh",
    )
    parser.add_argument(
        "override",
        nargs="*",
        metavar="KEY=VALUE",
        help="set a setting, over the file's; all are listed below",
    )
    return parser

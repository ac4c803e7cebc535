"""`python -m train` and `torchrun -m train`: from a configuration to a run's folder."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch and all that needs it is imported once the arguments are right
    import torch
    from torch import nn

    from configs.schema import TrainConfig
    from data_prep.dataset import FaceDataset
    from train.loop import Plan
    from train.state import TrainState

EXAMPLE = """\
examples:
  python -m train --config configs/presets/demo.yaml data.records=[out/train] out=runs/demo
  torchrun --nproc-per-node 8 -m train --config configs/presets/ms1mv3_r50.yaml
  python -m train --config configs/presets/demo.yaml --resume      after a stop, on any rank count

KEY=VALUE words override the file: optim.lr=0.05 loss.name=arc loss.args.margin=0.4
What the run writes: OUT/config.yaml log.jsonl tensorboard/ checkpoints/step_N/ export/
"""


def main(argv: list[str]) -> None:
    """Does what the arguments say.

    Raises:
        ValueError: bad settings or data.
        OSError: a file that cannot be read or written.
    """
    import argparse

    from data_prep.cli import Parser

    parser = Parser(
        prog="python -m train",
        description="Train a face embedder: backbone, sharded head, one of the losses.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE.yaml", help="settings; see configs/presets")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's last checkpoint")
    parser.add_argument(
        "--untrained",
        action="store_true",
        help="write the network as it is before training to OUT/export and stop: a baseline",
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print the whole configuration and stop"
    )
    parser.add_argument("override", nargs="*", metavar="KEY=VALUE", help="override a setting")
    args = parser.parse_intermixed_args(argv)

    from configs.load import load, to_yaml

    config = load(args.config, args.override)
    if args.print_config:
        print(to_yaml(config), end="")
        return
    command = shlex.join(["python", "-m", "train", *argv])
    _train(config, resume=args.resume, untrained=args.untrained, command=command)


def _train(config: "TrainConfig", *, resume: bool, untrained: bool, command: str) -> None:
    """The run, on this rank. Everything that can be refused is, before anything is written."""
    import torch

    from configs.load import to_yaml
    from data_prep.files import write_text
    from models import comm
    from train import build
    from train.export import export

    out = Path(config.out)
    device = comm.pick_device(config.device)
    dataset = build.build_dataset(config)
    plan = build.build_plan(
        config, images=len(dataset), num_classes=dataset.num_classes, device=device
    )
    validate = None if untrained else _validation(config, device)
    data = {
        "images": len(dataset),
        "classes": dataset.num_classes,
        "records": build.data_hashes(dataset),
    }
    about = {"command": command, "data": data, "config": to_yaml(config)}
    with comm.process_group(device):
        state = build.build_state(config, dataset.num_classes, device)
        _resume_or_start(out, state, resume, data)
        if comm.rank() == 0:
            write_text(out / "config.yaml", to_yaml(config))
        if not untrained:
            _fit(config, state, dataset, plan, validate, about, device)
        if comm.rank() == 0:
            export(
                out / "export",
                state.backbone,
                name=config.backbone.name,
                transform=build.build_transform(config),
                about={"step": state.step, "torch": torch.__version__, **about},
            )
            print(f"wrote {out / 'export'}")


def _fit(
    config: "TrainConfig",
    state: "TrainState",
    dataset: "FaceDataset",
    plan: "Plan",
    validate: "Callable[[nn.Module, int], dict[str, float]] | None",
    about: dict[str, Any],
    device: "torch.device",
) -> None:
    """Trains `state` to the end of the plan."""
    from models import comm
    from train import build, checkpoint
    from train.log import Log
    from train.loop import train

    out = Path(config.out)
    if comm.rank() == 0:
        precision = "bfloat16" if plan.autocast else "float32"
        print(
            f"{len(dataset)} images of {dataset.num_classes} people, {plan.total} steps of "
            f"{plan.batch} on {comm.world_size()} process(es), {device}, {precision}; writing {out}"
        )
    keep = config.keep_checkpoints
    with Log(out, start=state.step, total=plan.total) as log:
        train(
            state,
            comm.replicate(state.backbone, device),
            build.build_loader(config, dataset, start=state.step, total=plan.total),
            plan,
            prepare=build.build_prepare(config, device),
            log=log,
            validate=validate,
            save=lambda now: checkpoint.save(out / "checkpoints", now, about, keep=keep),
        )
    comm.average_buffers(state.backbone)


def _resume_or_start(out: Path, state: "TrainState", resume: bool, data: dict[str, Any]) -> None:
    """Loads the newest checkpoint, or makes sure that no earlier run is overwritten.

    Raises:
        ValueError: nothing to resume from, other data, or a run that is in the way.
    """
    from models import comm
    from train import checkpoint

    found = checkpoint.find_all(out / "checkpoints")
    comm.barrier()  # all ranks look before any of them writes
    if not resume:
        if found or (out / "log.jsonl").exists():
            raise ValueError(
                f"{out}: holds an earlier run; go on with --resume, or choose another out=FOLDER"
            )
        return
    if not found:
        raise ValueError(f"{out}: expected a checkpoint to resume from, found none; start without")
    meta = checkpoint.load(found[-1], state)
    if meta.get("data") != data:
        raise ValueError(
            f"{found[-1]}: was trained on other records (SHA-256 differ) than data.records; "
            "give the same ones to resume"
        )


def _validation(
    config: "TrainConfig", device: "torch.device"
) -> "Callable[[nn.Module, int], dict[str, float]] | None":
    """Figures of a backbone on the validation pairs; None where none are set."""
    if not config.validation.pairs:
        return None
    from eval.embedders import TorchEmbedder
    from eval.online import OnlineVerification
    from train.build import build_transform

    settings = config.validation
    verification = OnlineVerification(settings.images, settings.pairs, settings.protocol)
    transform = build_transform(config)
    return lambda backbone, step: verification(TorchEmbedder(backbone, transform, device))


if __name__ == "__main__":
    from data_prep.cli import run
    from train.loop import DivergedError

    try:
        run(main, "python -m train")
    except DivergedError as error:
        raise SystemExit(f"python -m train: stopped: {error}") from None

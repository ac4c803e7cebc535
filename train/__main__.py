"""`python -m train` and `torchrun -m train`: from a configuration to a run's folder."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch and all that needs it is imported once the arguments are right
    import torch

    from configs.schema import TrainConfig
    from data_prep.dataset import FaceDataset
    from train.loop import Validate
    from train.non_finite import BadStep
    from train.plan import Plan
    from train.state import TrainState

EXAMPLE = """\
examples:
  python -m train --config configs/presets/demo.yaml data.records=[out/train] out=runs/demo
  torchrun --nproc-per-node 8 -m train --config configs/presets/ms1mv3_r50.yaml
  python -m train --config configs/presets/demo.yaml --resume      after a stop, on any rank count
  torchrun --nproc-per-node 8 --max-restarts 9 -m train --config FILE.yaml --resume

SIGTERM saves, and ends with status 143. --resume goes on from the last checkpoint, or starts where
there is none, so a launcher may always give it. --max-restarts then needs no one to look after it.
KEY=VALUE words override the file: optim.lr=0.05 loss.name=arc loss.args.margin=0.4
What the run writes: OUT/config.yaml log.jsonl tensorboard/ checkpoints/step_N/ export/, and
non_finite/step_N.json (ranks and records) where a loss was no number.
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
    parser.add_argument(
        "--resume", action="store_true", help="go on from OUT's last checkpoint, if any"
    )
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
    from dataclasses import replace

    import torch

    from configs.load import to_yaml
    from configs.schema import InitConfig
    from data_prep.files import write_text
    from models import comm
    from train import build
    from train.export import export
    from train.stopping import EXIT_STATUS

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
    stopped = ""
    with comm.process_group(device):
        found = _last_checkpoint(out, resume)
        start = config if found is None else replace(config, init=InitConfig())
        state = build.build_state(start, dataset.num_classes, device)
        if found is not None:
            _load(found, state, config.batch, data)
        if comm.rank() == 0:
            write_text(out / "config.yaml", to_yaml(config))
        if not untrained:
            stopped = _fit(config, state, dataset, plan, validate, about, device)
        if comm.rank() == 0 and not stopped:
            export(
                out / "export",
                state.result,
                name=config.backbone.name,
                transform=build.build_transform(config),
                about={"step": state.step, "torch": torch.__version__, **about},
            )
            print(f"wrote {out / 'export'}")
    if stopped:  # after the process group has ended in order
        print(f"python -m train: {stopped}; go on with --resume", file=sys.stderr)
        raise SystemExit(EXIT_STATUS)


def _fit(
    config: "TrainConfig",
    state: "TrainState",
    dataset: "FaceDataset",
    plan: "Plan",
    validate: "Validate | None",
    about: dict[str, Any],
    device: "torch.device",
) -> str:
    """Trains `state` to the end of the plan; says why, if it had to stop before."""
    from models import comm
    from train import build
    from train.log import Log
    from train.loop import StoppedError, train
    from train.non_finite import DivergedError
    from train.saver import Saver
    from train.stopping import noting_sigterm

    out = Path(config.out)
    if comm.rank() == 0:
        precision = "bfloat16" if plan.autocast else "float32"
        print(
            f"{len(dataset)} images of {dataset.num_classes} people, {plan.total} steps of "
            f"{plan.batch} on {comm.world_size()} process(es), {device}, {precision}; writing {out}"
        )
    stopped = ""
    saver = Saver(out / "checkpoints", about, batch=plan.batch, keep=config.keep_checkpoints)
    agreement = comm.Agreement()

    def asked_to_stop() -> bool:
        said = agreement(2 if saver.failed else int(terminated.came))
        if said == 2:
            saver.finish()  # raises on all ranks
        return said == 1

    with Log(out, start=state.step, total=plan.total) as log, noting_sigterm() as terminated:
        try:
            train(
                state,
                build.build_wrapped(config, state, device),
                build.build_loader(config, dataset, start=state.step, total=plan.total),
                plan,
                prepare=build.build_prepare(config, device),
                log=log,
                validate=validate,
                save=saver.save,
                report=lambda bad: _report(config, dataset, bad),
                asked_to_stop=asked_to_stop,
            )
        except StoppedError as error:
            stopped = str(error)
        except DivergedError:
            saver.finish()  # the last good one
            raise
        agreement.close()
        saver.finish()
    comm.average_buffers(state.result)
    return stopped


def _report(config: "TrainConfig", dataset: "FaceDataset", bad: "BadStep") -> None:
    """Writes what is known of a step that was not finite, from rank 0."""
    from data_prep.files import write_json
    from models import comm
    from train.batch_records import records_of_step

    if comm.rank() != 0:
        return
    path = Path(config.out) / "non_finite" / f"step_{bad.step:08d}.json"
    about = {"step": bad.step, "loss": str(bad.loss), "gradient_norm": str(bad.gradient_norm)}
    batch = records_of_step(dataset, bad.step - 1, batch=config.batch, seed=config.seed)
    write_json(path, {**about, "ranks": bad.ranks, "batch": batch})
    print(f"python -m train: {bad}; its records are in {path}", file=sys.stderr)


def _last_checkpoint(out: Path, resume: bool) -> Path | None:
    """The newest checkpoint; None where there is none, or none is asked for.

    Raises:
        ValueError: a run that is in the way and not to be resumed.
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
        return None
    return found[-1] if found else None


def _load(found: Path, state: "TrainState", batch: int, data: dict[str, Any]) -> None:
    """Fills the state from a checkpoint.

    Raises:
        ValueError: damaged, or of another network, or other data.
    """
    from train import checkpoint

    meta = checkpoint.load(found, state, batch=batch)
    if meta.get("data") != data:
        raise ValueError(
            f"{found}: was trained on other records (SHA-256 differ) than data.records; "
            "give the same ones to resume"
        )


def _validation(config: "TrainConfig", device: "torch.device") -> "Validate | None":
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
    from train.non_finite import DivergedError

    try:
        run(main, "python -m train")
    except DivergedError as error:
        raise SystemExit(f"python -m train: stopped: {error}") from None

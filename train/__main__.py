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


def main(argv: list[str]) -> None:
    """Does what the arguments say.

    Raises:
        ValueError: bad settings or data.
        OSError: a file that cannot be read or written.
    """
    from train.arguments import build_parser

    args = build_parser().parse_intermixed_args(argv)
    if args.page:
        from train.page.draw import draw

        print(f"wrote {draw(args.page)}")
        return
    if args.config_schema:
        print(_schema(), end="")
        return

    from configs.load import load, to_yaml

    words = [*args.override, *([] if args.classes is None else [f"data.classes={args.classes}"])]
    config = load(args.config, words)
    if args.print_config:
        from configs.describe import to_commented_yaml

        print(to_yaml(config) if args.plain else to_commented_yaml(config), end="")
    elif args.dry_run:
        _dry_run(config, args.dry_batch)
    else:
        from train.non_finite import DivergedError

        command = shlex.join(["python", "-m", "train", *argv])
        try:
            _train(config, resume=args.resume, untrained=args.untrained, command=command)
        except DivergedError as error:
            raise SystemExit(f"python -m train: stopped: {error}") from None


def _schema() -> str:
    """The JSON schema of a configuration, with the names of all that has a table."""
    from configs.json_schema import json_schema
    from data_prep.files import json_text
    from eval.protocols import PROTOCOLS
    from models.backbones import BACKBONES
    from models.backbones.from_timm import PREFIX
    from models.losses import LOSSES
    from models.losses.reduction import REDUCTIONS

    names = {
        "backbone.name": [*BACKBONES, f"{PREFIX}*"],
        "loss.name": [*LOSSES],
        "loss.reduction": [*REDUCTIONS],
        "validation.protocol": [*PROTOCOLS],
    }
    return json_text(json_schema(names, {"loss": LOSSES}))


def _dry_run(config: "TrainConfig", images: int) -> None:
    """Two steps on noise, and what they say of the run."""
    from models import comm
    from models.allocator import keep_freed_memory
    from train.dry_run import dry_run, report

    device = comm.pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    with comm.process_group(device):
        found = dry_run(config, device, images)
        if comm.rank() == 0:
            print(report(config, found, images, device))


def _train(config: "TrainConfig", *, resume: bool, untrained: bool, command: str) -> None:
    """The run, on this rank. Everything that can be refused is, before anything is written."""
    from dataclasses import replace

    import torch

    from configs.load import to_yaml
    from configs.schema import InitConfig
    from data_prep.files import write_text
    from models import comm
    from models.allocator import keep_freed_memory
    from train import build, build_data
    from train.export import export
    from train.stopping import EXIT_STATUS
    from train.tracking import check_tracking

    out = Path(config.out)
    device = comm.pick_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    check_tracking(config.wandb)
    dataset = build_data.build_dataset(config)
    plan = build.build_plan(
        config, images=len(dataset), num_classes=dataset.num_classes, device=device
    )
    validate = None if untrained else _validation(config, device)
    data = {
        "images": len(dataset),
        "classes": dataset.num_classes,
        "records": build_data.data_hashes(dataset),
    }
    about = {"command": command, "data": data, "config": to_yaml(config)}
    stopped = ""
    with comm.process_group(device, config.timeout_minutes):
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
                transform=build_data.build_transform(config),
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
    from dataclasses import asdict

    from models import comm
    from train import build, build_data
    from train.log import Log
    from train.loop import StoppedError, train
    from train.non_finite import DivergedError
    from train.page.start import start_page
    from train.saver import Saver
    from train.stopping import noting_sigterm

    out = Path(config.out)
    if comm.rank() == 0:
        precision = "bfloat16" if plan.autocast else "float32"
        print(
            f"{len(dataset)} images of {dataset.num_classes} people, {plan.total} steps of "
            f"{plan.batch} on {comm.world_size()} process(es), {device}, {precision}; writing {out}"
        )
        if config.data.classes not in (0, dataset.num_classes):
            print(
                f"data.classes is {config.data.classes}: figures published for this preset are of "
                "other data"
            )
    stopped = ""
    saver = Saver(
        out / "checkpoints",
        about,
        batch=plan.batch,
        keep=config.keep_checkpoints,
        interval=plan.save_every,
        start=state.step,
    )
    agreement = comm.Agreement(config.timeout_minutes)

    def asked_to_stop() -> bool:
        said = agreement(2 if saver.failed else int(terminated.came))
        if said == 2:
            saver.finish()  # raises on all ranks
        return said == 1

    bad = build_data.build_bad_records(config, dataset)
    loader = build_data.build_loader(
        config, dataset, device, start=state.step, total=plan.total, bad=bad
    )
    prepare = build_data.build_prepare(config, device)
    transform = build_data.build_transform(config)
    page = start_page(
        out, loader, prepare, transform, plan=plan, about=about, step=state.step, device=device
    )
    to_wandb: dict[str, Any] = {"wandb": config.wandb, "settings": asdict(config)}
    with (
        page,
        Log(out, start=state.step, total=plan.total, **to_wandb) as log,
        noting_sigterm() as terminated,
    ):

        def tell(step: int, count: int) -> None:
            log.scalars("data", step, {"bad_records": count})

        batches = loader if bad is None else bad.counted(loader, state.step, tell)
        try:
            train(
                state,
                build.build_wrapped(config, state, device),
                batches,
                plan,
                prepare=prepare,
                log=log,
                validate=validate,
                saver=saver,
                report=lambda bad: _report(config, dataset, bad),
                asked_to_stop=asked_to_stop,
            )
        except StoppedError as error:
            stopped = page.outcome = str(error)
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
    from train.build_data import build_order

    if comm.rank() != 0:
        return
    path = Path(config.out) / "non_finite" / f"step_{bad.step:08d}.json"
    about = {"step": bad.step, "loss": str(bad.loss), "gradient_norm": str(bad.gradient_norm)}
    batch = records_of_step(dataset, bad.step - 1, build_order(config, dataset))
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
    if not config.validation.sets:
        return None
    from eval.embedders import TorchEmbedder
    from eval.online import Listed, OnlineVerification
    from train.build_data import build_transform

    sets = [
        Listed(images=images, pairs=pairs, protocol=protocol)
        for images, pairs, protocol in config.validation.sets
    ]
    verification = OnlineVerification(sets, device)
    transform = build_transform(config)
    return lambda backbone, step: verification(TorchEmbedder(backbone, transform, device))


if __name__ == "__main__":
    from data_prep.cli import run

    run(main, "python -m train")

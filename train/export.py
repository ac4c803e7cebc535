"""The trained backbone alone: one safetensors file and one JSON that says how to use it."""

from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from data_prep.files import folder_written_aside, sha256_file, write_json
from data_prep.transforms import Transform

SCHEMA = 1


def export(
    target: Path,
    backbone: nn.Module,
    *,
    name: str,
    transform: Transform,
    about: dict[str, Any],
) -> None:
    """Writes `target`/backbone.safetensors and `target`/meta.json, both or neither.

    Args:
        target: folder; an earlier one is replaced.
        backbone: with `dim`; BatchNorm buffers averaged over ranks beforehand.
        name: its row in BACKBONES.
        transform: what its input went through.
        about: what else should be known: step, run, data.
    """
    with folder_written_aside(target) as aside:
        weights = {k: v.detach().contiguous() for k, v in backbone.state_dict().items()}
        save_file(weights, aside / "backbone.safetensors")
        meta = {
            "schema": SCHEMA,
            "backbone": name,
            "dim": backbone.dim,
            "transform": transform.to_dict(),
            "sha256": sha256_file(aside / "backbone.safetensors"),
            **about,
        }
        write_json(aside / "meta.json", meta)

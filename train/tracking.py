"""Weights & Biases, for those who have its package: the run's values go there as well.

Who you are it knows by itself (`wandb login`, or its environment variables); nothing of that is
read or written here. WANDB_MODE=offline keeps everything on this machine.
"""

import importlib.util
from pathlib import Path
from typing import Any

from data_prep.files import read_json, write_json


def check_tracking(project: str) -> None:
    """Refuses early what `Tracker` could not begin; nothing where no project is named.

    Raises:
        ValueError: the package is not installed.
    """
    if project and importlib.util.find_spec("wandb") is None:
        raise ValueError(
            f"wandb={project}: expected the package wandb, which is not installed; run "
            '"pip install wandb", or leave wandb empty'
        )


class Tracker:
    """A run of a W&B project; a resumed run goes on as the same one (OUT/wandb.json)."""

    def __init__(self, project: str, folder: Path, settings: dict[str, Any]) -> None:
        """Begins, or goes on with, the run of `folder`.

        Args:
            project: its name.
            folder: the run's.
            settings: its configuration.

        Raises:
            ValueError: W&B refuses it; its first line says why.
        """
        import wandb

        note = folder / "wandb.json"
        known = read_json(note)["id"] if note.exists() else None
        try:
            self._run: Any = wandb.init(
                project=project,
                dir=str(folder),
                name=folder.name,
                config=settings,
                id=known,
                resume="allow",
            )
        except Exception as error:  # of classes of its own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f'wandb={project}: {reason}; run "wandb login", or set WANDB_MODE=offline'
            ) from None
        write_json(note, {"id": self._run.id, "project": project})

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Hands values of a step on; W&B sends them from a process of its own."""
        self._run.log(values, step=step)

    def close(self, ended_well: bool) -> None:
        """Ends the run there, as finished or as failed."""
        self._run.finish(exit_code=0 if ended_well else 1)

"""What all of TRL's trainers do otherwise here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pluralign.training.engines import processes
from pluralign.training.tuning.checkpoints import mark_complete


class Quiet:
    """Stands before a trainer of TRL, which then leaves nothing behind but checkpoints, and sends nothing."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        processes.wait()
        if processes.is_main():
            mark_complete(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")  # type: ignore[attr-defined]

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: the run's manifest says where the model comes from."""

    def _send_telemetry(self) -> None:
        """Send none."""

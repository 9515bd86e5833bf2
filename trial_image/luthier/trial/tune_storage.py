"""Ray Tune's way to storage and back, in the worker's process: saved whole, fenced, read only when whole.

Every checkpoint, a class's or a function's, passes through Ray's storage context on its way out and through
`restore` on its way in; so both kinds are held to the same promise here, before user code sees anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import tune
from ray.train._internal.storage import StorageContext

from luthier.trial import checkpoints
from luthier.trial.errors import Fenced
from luthier.trial.ledger import ATTEMPT_FILE, last_attempt
from luthier.trial.trial_state import attempt_of


class Storage(StorageContext):
    """The storage of one experiment as its runs see it."""

    def persist_current_checkpoint(self, checkpoint: tune.Checkpoint) -> tune.Checkpoint:
        """Save what a trial made; return it as it stands on storage.

        Raises:
            Fenced: a newer attempt owns the storage.
            StorageFull: there is no room.
        """
        root, target = Path(self.storage_fs_path), self.checkpoint_fs_path
        check_is_ours(root, attempt_of(self.trial_dir_name))
        with checkpoint.as_directory() as source:
            checkpoints.save(Path(source), Path(target))
        return type(checkpoint)(target, filesystem=self.storage_filesystem)


def restoring_what_is_whole(trainable: type[tune.Trainable]) -> type[tune.Trainable]:
    """Return a trainable that reads a checkpoint against its manifest before it goes on from it."""

    class Checked(trainable):
        def restore(self, checkpoint_path: Any) -> None:
            check_is_ours(Path(self._storage.storage_fs_path), attempt_of(self._storage.trial_dir_name))
            checkpoints.verify(Path(checkpoint_path.checkpoint.path))
            super().restore(checkpoint_path)

    Checked.__name__ = Checked.__qualname__ = trainable.__name__
    return Checked


def check_is_ours(root: Path, attempt: int) -> None:
    """Make sure that the experiment's storage is here and that no newer attempt owns it.

    Raises:
        Fenced: one does.
        FileNotFoundError: this is not the storage: what is missing here is not gone.
    """
    if not (root / ATTEMPT_FILE).exists():
        raise FileNotFoundError(f"{root} is not the experiment's storage here; is the volume mounted in this pod?")
    owner = last_attempt(root)
    if owner > attempt:
        raise Fenced(f"attempt {owner} owns {root}; this run is of attempt {attempt}")

"""No scheduler: every trial runs to its end."""

from __future__ import annotations

from luthier.trial.schedulers.stopping import StoppingScheduler


class FifoScheduler(StoppingScheduler):
    """Says Continue, always."""

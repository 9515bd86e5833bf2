"""Workers that end as soon as they start, so that no trial can run."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.conditions import stalled
from luthier.operator.observation import Observation, PodState
from luthier.operator.verdict import Verdict


def name_crashing_workers(seen: Observation, _now: datetime) -> Verdict | None:
    """Say how the last one ended, where no worker runs."""
    ended = [pod for pod in seen.workers if pod.attempt == seen.attempt and pod.state is PodState.ENDED and pod.exit]
    if not ended or seen.ready_workers:
        return None
    pod = ended[0]
    code, cause = (pod.exit.code, pod.exit.reason) if pod.exit else (-1, "")
    message = f"worker pod {pod.name} ended with exit code {code}" + (f" ({cause})" if cause else "")
    return Verdict(rulings=(stalled("WorkerCrash", message),))

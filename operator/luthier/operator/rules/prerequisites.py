"""What the user promised to be there: the ConfigMap with the code, the named claim."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator.conditions import Ruling, running, stalled
from luthier.operator.observation import Observation, Presence
from luthier.operator.verdict import Verdict

LOOK_AGAIN_SECONDS = 5
"""Nobody tells the operator when they appear: it may not watch ConfigMaps."""


def wait_for_prerequisites(seen: Observation, now: datetime) -> Verdict | None:
    """Start no pods while something that they need is not there."""
    missing = _missing(seen)
    if missing is None or (seen.driver is not None and seen.driver.is_alive):
        return None
    return Verdict(
        rulings=(missing, running(False, missing.reason, missing.message)),
        look_again=now + timedelta(seconds=LOOK_AGAIN_SECONDS),
        is_final=True,
    )


def _missing(seen: Observation) -> Ruling | None:
    source, claim = seen.spec.trial.source, seen.spec.storage.claim_name
    if source is not None and seen.things.source is Presence.MISSING:
        return stalled("ConfigMapNotFound", f"ConfigMap {source.config_map} (spec.trial.source) does not exist")
    if claim is not None and seen.things.claim is Presence.MISSING:
        return stalled("ClaimNotFound", f"PersistentVolumeClaim {claim} (spec.storage.claimName) does not exist")
    return None

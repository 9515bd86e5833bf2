"""How many worker pods there should be: as many as trials run or wait, within the spec's bounds.

Growth is wanted at once. A wish for less counts only when it has lasted, since a pod takes longer to come than a
trial to be proposed; who may go then is in `rules/workers.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator.contact import WISHES_SECONDS
from luthier.operator.observation import Observation

LASTING = timedelta(seconds=WISHES_SECONDS)


def desired_workers(seen: Observation, now: datetime) -> int:
    """Return the number of worker pods that should be there while a driver is."""
    most = seen.spec.worker_count
    asked = max(_lately(seen, most, now), default=most)
    return max(min(seen.spec.workers.min, most), min(asked, most))


def shrinks_at(seen: Observation, now: datetime) -> datetime | None:
    """Return when the next older wish stops to count, if one will."""
    wishes = seen.contact.wishes
    ends = [wish.since + LASTING for wish in wishes]
    return min((end for end in ends if end > now), default=None)


def _lately(seen: Observation, most: int, now: datetime) -> list[int]:
    """Return the wishes that held at any time lately; before the first one, what status says was held."""
    contact = seen.contact
    if contact.attempt != seen.attempt or not contact.wishes:
        is_silent = contact.report is None and seen.previous.attempt == seen.attempt
        return [seen.previous.workers.desired] if is_silent and seen.previous.workers.desired else []
    ends = [*(wish.since for wish in contact.wishes[1:]), now]
    held = [wish.workers for wish, end in zip(contact.wishes, ends, strict=True) if end > now - LASTING]
    begins_earlier = contact.wishes[0].since > now - LASTING
    return [*held, min(seen.previous.workers.desired or most, most)] if begins_earlier else held

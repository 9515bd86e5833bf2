"""The driver is told why its workers end: a trial that ran there is then counted, and retried, for the right reason."""

from __future__ import annotations

from datetime import datetime

from luthier.api.wire import Phase, WorkerFact
from luthier.operator.facts import worker_facts
from luthier.operator.observation import Observation, PodState
from luthier.operator.plan import PushFacts
from luthier.operator.verdict import Verdict


def tell_driver_of_workers(seen: Observation, _now: datetime) -> Verdict | None:
    """Tell what it does not know yet. Asked before anything is deleted, since with the pod its story ends."""
    driver, contact = seen.driver, seen.contact
    if driver is None or driver.state is not PodState.RUNNING or contact.attempt != driver.attempt:
        return None
    if contact.report is None or contact.report.phase is Phase.FINISHED:
        return None
    known = {_gist(fact) for fact in contact.told}
    current = worker_facts(seen)
    named = {fact.name for fact in current}
    news = [fact for fact in (*current, *(f for f in contact.owed if f.name not in named)) if _gist(fact) not in known]
    return Verdict(actions=(PushFacts(tuple(news)),)) if news else None


def _gist(fact: WorkerFact) -> tuple[object, ...]:
    """Messages of kubelet change while the cause stays: that is no news."""
    return fact.name, fact.ip, fact.cause, fact.is_leaving

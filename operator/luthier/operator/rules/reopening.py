"""A budget that is raised after the end takes the end back: the next driver goes on from the ledger.

Nothing of an end is undone here but what status says. The driver of the attempt that ended can't end the
experiment again, because only the newest attempt's report counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from luthier.operator.conditions import failed, succeeded
from luthier.operator.observation import Observation
from luthier.operator.verdict import Verdict

BUDGET_RAISED = "BudgetRaised"


def reopen(seen: Observation, _now: datetime) -> Verdict | None:
    """Say that it has not ended after all, and why."""
    if not seen.is_reopened:
        return None
    why = f"the search goes on from its end{_edits(seen)}"
    return Verdict(rulings=(succeeded(False, BUDGET_RAISED, why), failed(False, BUDGET_RAISED, why)))


def _edits(seen: Observation) -> str:
    ended = seen.previous.ended_budget
    if ended is None:
        return ""
    before, after = ended.to_json(), seen.spec.budget.to_json()
    raised = seen.spec.budget.raised_since(ended)
    said = [f"budget.{name} was {_value(before, name)} and is {_value(after, name)}" for name in raised]
    return "".join(f"; {sentence}" for sentence in said)


def _value(budget: dict[str, Any], name: str) -> str:
    value = budget.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if value is not None else "without limit"

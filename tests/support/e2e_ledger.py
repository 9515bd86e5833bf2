"""Questions about a ledger: what an experiment did, as its own record tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class LedgerBook:
    """The records of one experiment, in order."""

    records: list[Json]

    def of(self, kind: str, trial: str | None = None) -> list[Json]:
        """Return the records of a kind, of one trial or of all."""
        return [r for r in self.records if r["kind"] == kind and trial in (None, r.get("trial"))]

    @property
    def trials(self) -> list[str]:
        """Names of the trials, as proposed."""
        return [record["trial"] for record in self.of("trial")]

    @property
    def exploits(self) -> list[Json]:
        """Results on which a loser was told to go on from a winner."""
        return [record for record in self.of("result") if record["decision"] == "Exploit"]

    def after_attempt(self, attempt: int) -> LedgerBook:
        """Return what was recorded since an attempt began."""
        (start,) = (i for i, r in enumerate(self.records) if r["kind"] == "attempt" and r["attempt"] == attempt)
        return LedgerBook(self.records[start + 1 :])

    def before_attempt(self, attempt: int) -> LedgerBook:
        """Return what was recorded until an attempt began."""
        (start,) = (i for i, r in enumerate(self.records) if r["kind"] == "attempt" and r["attempt"] == attempt)
        return LedgerBook(self.records[:start])

    def results_more_than_once(self) -> list[tuple[str, int]]:
        """Return trial and iteration of results that were recorded again."""
        counts = Counter((record["trial"], record["iteration"]) for record in self.of("result"))
        return [key for key, count in counts.items() if count > 1]

    def unfinished(self) -> set[str]:
        """Return the trials that have begun and have not ended."""
        over = {r["trial"] for r in self.of("end")}
        over |= {r["trial"] for r in self.of("result") if r["decision"] in ("Complete", "Stop")}
        return {record["trial"] for record in self.of("run")} - over

    def last_saved(self, trial: str) -> int:
        """Return the iteration of a trial's last checkpoint, 0 where it has none."""
        return max((record["iteration"] for record in self.of("saved", trial)), default=0)

"""The page of all experiments' series, made when somebody asks, so that series end with their experiment.

What an experiment's series say is spelled out once for each version of its status and each report, and kept as text:
of a thousand experiments most have not changed since the last scrape.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from luthier.api.wire import Report
from luthier.operator.cache import Cache, Kept
from luthier.operator.series import PENDING, STATES, Family, Known, families, read_experiment, with_report

FAMILY = re.compile(r"^(?=# HELP )", re.MULTILINE)
"""Where a family begins; in a label's value a new line is escaped, so nobody can write one."""

ReportOf = Callable[[str], Report | None]
"""The newest report of an experiment's driver, by the experiment's uid."""
Version = tuple[int, int, int]
"""Resource version, and attempt and sequence of the report."""


@dataclass(frozen=True)
class Written:
    """What an experiment's series say."""

    version: Version
    state: str
    """Of the experiment."""
    samples: tuple[str, ...]
    """Lines of each family, in the order of the families."""


class ExperimentPage:
    """Series of all experiments that are known now."""

    def __init__(self, cache: Cache, leads: Callable[[], bool], report_of: ReportOf = lambda _: None) -> None:
        self._cache = cache
        self._leads = leads
        self._report_of = report_of
        self._written: dict[str, Written] = {}
        """By uid."""
        self._headers = tuple(header for header, _ in _blocks(()))

    def render(self) -> bytes:
        """Return the page; empty on a standby, or sums would count every experiment twice.

        It may run in a thread of its own: it looks at the cache once and changes nothing there.
        """
        if not self._leads():
            return b""
        self._written = {kept.uid: self._write(kept) for kept in self._cache.experiments()}
        columns = zip(self._headers, *(written.samples for written in self._written.values()), strict=True)
        lines = (line for column in columns for line in column)
        return _page(self._tally()) + "".join(lines).encode()

    def _tally(self) -> Iterator[Family]:
        family = GaugeMetricFamily("luthier_experiments", "Experiments by state.", labels=["state"])
        tally = Tally(written.state for written in self._written.values())
        for state in STATES:
            family.add_metric([state], tally[state])
        yield family

    def _write(self, kept: Kept) -> Written:
        report, known = self._report_of(kept.uid), self._written.get(kept.uid)
        said = (report.attempt, report.sequence) if report is not None else (0, 0)
        version = (kept.version, *said)
        if known is not None and known.version == version:
            return known
        experiment = with_report(read_experiment(kept.body()), report)
        state = experiment.status.state or PENDING
        return Written(version, state, tuple(samples for _, samples in _blocks((experiment,))))


@dataclass(frozen=True)
class _Some:
    """A registry of some families."""

    of: Iterator[Family]

    def collect(self) -> Iterator[Family]:
        return self.of


def _page(of: Iterator[Family]) -> bytes:
    return generate_latest(cast("CollectorRegistry", _Some(of)))


def _blocks(known: Sequence[Known]) -> Iterator[tuple[str, str]]:
    """Yield the header and the lines of each family."""
    page = _page(families(known)).decode()
    for block in FAMILY.split(page)[1:]:
        words, kind, samples = block.split("\n", 2)
        yield f"{words}\n{kind}\n", samples

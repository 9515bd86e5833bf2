"""The page of all experiments' series, made when somebody asks, so that series end with their experiment.

What an experiment's series say is spelled out once for each version of its status and each report, and kept as text:
of a thousand experiments most have not changed since the last scrape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from prometheus_client import CollectorRegistry, generate_latest

from luthier.api.wire import Report
from luthier.operator.cache import Cache, Kept
from luthier.operator.series import Family, Known, families, read_experiment, with_report

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
        columns = zip(*(written.samples for written in self._written.values()), strict=True)
        lines = (line for header, samples in zip(self._headers, columns, strict=False) for line in (header, *samples))
        return "".join(lines).encode()

    def _write(self, kept: Kept) -> Written:
        report, known = self._report_of(kept.uid), self._written.get(kept.uid)
        said = (report.attempt, report.sequence) if report is not None else (0, 0)
        version = (kept.version, *said)
        if known is not None and known.version == version:
            return known
        experiment = with_report(read_experiment(kept.body()), report)
        return Written(version, tuple(samples for _, samples in _blocks((experiment,))))


@dataclass(frozen=True)
class _Some:
    """A registry of some experiments."""

    known: Sequence[Known]

    def collect(self) -> Iterator[Family]:
        return families(self.known)


def _blocks(known: Sequence[Known]) -> Iterator[tuple[str, str]]:
    """Yield the header and the lines of each family."""
    page = generate_latest(cast("CollectorRegistry", _Some(known))).decode()
    for block in FAMILY.split(page)[1:]:
        words, kind, samples = block.split("\n", 2)
        yield f"{words}\n{kind}\n", samples

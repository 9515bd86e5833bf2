"""What a hundred thousand trials cost a driver and the API: nothing that grows.

Trials are simulated: a study is told what Ray Tune would tell it. `python -m bench.flat N` prints the figures of one
study as JSON; each is taken in a process of its own, with all that a driver imports, so that its memory is its own.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.child import answers, in_a_child
from bench.figures import Figure, Goal

FEW, MANY = 10, 100_000
PART = 1000


@dataclass(frozen=True)
class Taken:
    """What one study came to."""

    first_us: float
    """Microseconds of processor time that a trial took from proposal to end, ledger written, first thousand."""
    last_us: float
    report_ms: float
    status_bytes: int
    rss_mib: float
    ledger_bytes: float
    """Of the ledger, for each trial."""


def measure(many: int = MANY) -> Iterator[Figure]:
    """Yield what a driver with many trials costs against one with few."""
    few, lots = (Taken(**in_a_child("bench.flat", trials)) for trials in (FEW, many))
    peer = f"with {FEW} trials"
    yield Figure("status bytes", lots.status_bytes, "B", f"B {peer}", few.status_bytes, Goal("<=", 16384), f"{many:,}")
    yield Figure(
        "driver's time per trial, the last 1,000 against the first",
        lots.last_us,
        "us",
        "us, the first",
        lots.first_us,
        Goal("<=", 1.5, of_ratio=True),
        f"{many:,} simulated trials; with the ledger's lines, without Ray",
    )
    yield Figure("one report", lots.report_ms, "ms", f"ms {peer}", few.report_ms, Goal("<=", 25), f"{many:,} trials")
    yield Figure("driver RSS without Ray's own", lots.rss_mib, "MiB", f"MiB {peer}", few.rss_mib, Goal("<=", 1024))
    yield Figure("ledger's bytes per trial", lots.ledger_bytes, "B", f"B {peer}", few.ledger_bytes)


def simulate(trials: int) -> Taken:
    """Run a study of so many trials, one result each, and return what it cost."""
    import luthier.trial.driver
    import luthier.trial.engine  # noqa: F401 - a driver has imported all of Ray Tune
    from luthier.trial import ledger, schedulers, search
    from luthier.trial.reporting import make_report
    from luthier.trial.study import Study
    from support.operator_builders import an_experiment

    budget = {"trials": trials, "parallelTrials": 4}
    spec = an_experiment(budget=budget, search={"algorithm": "Random"}).spec
    with tempfile.TemporaryDirectory() as folder:
        book = ledger.Ledger(Path(folder), 1)
        study = Study(spec, search.build(spec), schedulers.build(spec), book.append)
        study.begin(1, 1, spec.budget, time.time())
        marks = [time.process_time()]
        for number in range(trials):
            _one_trial(study, number)
            if (number + 1) % min(PART, trials) == 0:
                marks.append(time.process_time())
        began = time.perf_counter()
        report = make_report(study, uid="u", attempt=1, sequence=1, now=time.time())
        report_ms = 1000 * (time.perf_counter() - began)
        size = (Path(folder) / ledger.LEDGER_FILE).stat().st_size
    each = [1e6 * (after - before) / min(PART, trials) for before, after in itertools.pairwise(marks)]
    return Taken(each[0], each[-1], report_ms, _status_bytes(report), _rss_mib(), size / trials)


def _one_trial(study: object, number: int) -> None:
    from luthier.trial.ending import outcome
    from luthier.trial.study import Study

    assert isinstance(study, Study)
    now = time.time()
    trial = study.next_run(now)
    assert trial is not None
    study.report(trial.name, {"accuracy": (number * 7919 % 100_003) / 100_003}, now)
    study.run_ended(trial.name, now)
    outcome(study, now)


def _status_bytes(report: object) -> int:
    from luthier.api.wire import Report
    from luthier.operator.decide import decide
    from luthier.operator.project import project
    from support.operator_builders import NOW, a_driver, a_worker, an_observation

    assert isinstance(report, Report)
    seen = an_observation(a_driver(), a_worker(0), a_worker(1), report=report)
    return len(json.dumps(project(seen, decide(seen, NOW), NOW).to_json()))


def _rss_mib() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    answers(simulate(int(sys.argv[1])))

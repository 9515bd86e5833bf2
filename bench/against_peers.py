"""The main figure: twelve trials of five seconds, three at a time, against the same by hand and as a Job of pods.

All on the embedded cluster, in turn, in one namespace. Times are the machine's own clock: a pod's and the node's
are the same here.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import programs
from bench.figures import Figure, Goal, Pairs
from luthier.api import keys
from support.e2e_place import Place, condition, moment
from support.e2e_wait import until
from support.e2e_watch import Sight
from target import TRIAL

SIZE = programs.Size(trials=12, parallel=3, seconds=5.0)
WITHIN = 240.0


@dataclass(frozen=True)
class Run:
    """When one side's results came, in seconds after it was applied."""

    results: tuple[float, ...]
    end: float

    @property
    def first(self) -> float:
        """Apply to the first result."""
        return self.results[0]

    @property
    def overhead(self) -> float:
        """Seconds that a slot lost for each trial, the start left out."""
        lasted = self.results[-1] - (self.results[0] - SIZE.seconds)
        return lasted * SIZE.parallel / SIZE.trials - SIZE.seconds


def measure(place: Place, rounds: int) -> Iterator[Figure]:
    """Yield the figures of some rounds, each side once a round."""
    place.apply(programs.code())
    image = place.cluster.target.reference(TRIAL)
    sides: dict[str, Callable[[str], Run]] = {
        "ours": lambda name: ours(place, name, SIZE, None),
        "one": lambda name: ours(place, name, SIZE, 0),
        "hand": lambda name: pods(place, name, programs.by_hand(name, image, SIZE), "pod", "Succeeded"),
        "job": lambda name: pods(place, name, programs.job(name, image, SIZE), "job", "Complete"),
    }
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for number in range(rounds):
        for side, run in sides.items():
            runs[side].append(run(f"{side}-{number}"))
    yield from _figures(runs)


def _figures(runs: dict[str, list[Run]]) -> Iterator[Figure]:
    what = f"{SIZE.trials} trials of {SIZE.seconds:g} s, {SIZE.parallel} at a time"
    first = {side: [run.first for run in taken] for side, taken in runs.items()}
    no_later = Goal("<=", 1.0, of_ratio=True)
    yield Pairs(first["one"], first["hand"]).figure(
        "apply to first result, trials in the driver's pod", "s", "s, raw Tune by hand in one pod", no_later, what
    )
    yield Pairs(first["ours"], first["hand"]).figure(
        "apply to first result, three worker pods", "s", "s, raw Tune by hand in one pod", no_later, what
    )
    for side, name in (("one", "in the driver's pod"), ("ours", "in worker pods")):
        walls = Pairs([run.end / SIZE.ideal for run in runs[side]], [run.end / SIZE.ideal for run in runs["hand"]])
        yield walls.figure(f"wall over ideal, {name}", "", "raw Tune by hand", Goal("<=", 1.6), what)
    yield Pairs([run.end / SIZE.ideal for run in runs["one"]], [run.end / SIZE.ideal for run in runs["job"]]).figure(
        "wall over ideal against a Job of pods", "", "a Job of 12 pods", None, what
    )
    for side, name in (("one", "in the driver's pod"), ("ours", "in worker pods")):
        overheads = Pairs([run.overhead for run in runs[side]], [run.overhead for run in runs["job"]])
        yield overheads.figure(
            f"overhead per trial without start-up, {name}",
            "s",
            "s, a Job of 12 pods (Katib, measured apart: 5.1 s)",
            Goal("<=", 0.25),
            f"raw Tune by hand {statistics.median(run.overhead for run in runs['hand']):.2f} s",
        )


def ours(place: Place, name: str, size: programs.Size, workers: int | None) -> Run:
    """Run an experiment; its results are read from its ledger."""
    applied = moment()
    with place.watch(keys.PLURAL) as sights:
        place.apply(programs.search(name, size, workers=workers))
        ended = until(f"{name} has ended", lambda: _end_of(sights.of(name)), within=WITHIN)
    results = [record["time"] - applied for record in place.ledger(name).of("result")]
    place.delete(name)
    return Run(tuple(results), ended - applied)


def _end_of(seen: list[Sight]) -> float | None:
    ends = (s.time for s in seen if condition(s.object.get("status", {}), "Succeeded")["status"] == "True")
    return next(ends, None)


def pods(place: Place, name: str, manifest: programs.Json, kind: str, state: str) -> Run:
    """Run pods until they are done; their results are read from what they print."""
    applied = moment()
    place.apply(manifest)
    by_phase = kind == "pod"
    how = f"--for=jsonpath={{.status.phase}}={state}" if by_phase else f"--for=condition={state}"
    place.kubectl("wait", f"{kind}/{name}", how, f"--timeout={WITHIN:g}s")
    ended = moment()
    selector = [name] if by_phase else ["--selector", f"job-name={name}"]
    said = place.kubectl("logs", *selector, "--tail=-1")
    results = sorted(float(line.split()[1]) - applied for line in said.splitlines() if line.startswith("result "))
    place.kubectl("delete", kind, name, "--wait=false")
    return Run(tuple(results), ended - applied)

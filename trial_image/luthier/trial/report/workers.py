"""What the workers did: a bar a run, a lane a worker; between the bars they waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.trial.report.cost import COLOURS
from luthier.trial.report.figure import BLUE, FAINT, Figure, Json, axis, plain
from luthier.trial.report.sampling import said
from luthier.trial.story import Run, Story, Use

LANES = 60
BARS = 1500
RUNNING = "Running"


@dataclass(frozen=True)
class Lane:
    """What one worker, or one of its slots, did."""

    name: str
    runs: tuple[Run, ...]
    """By time; none overlaps the next."""


def lanes_of(runs: Sequence[Run], now: float) -> list[Lane]:
    """Return the lanes of runs: as many for a worker as it ran at the same time, in the order they were first used.

    Runs whose worker the ledger does not name go into lanes of their own.
    """
    ends: dict[str, list[float]] = {}
    taken: dict[tuple[str, int], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.start):
        worker = run.worker or "slot"
        free = next((i for i, end in enumerate(ends.setdefault(worker, [])) if end <= run.start), None)
        if free is None:
            free = len(ends[worker])
            ends[worker].append(0.0)
        ends[worker][free] = now if run.end is None else run.end
        taken.setdefault((worker, free), []).append(run)
    single = {worker for worker, slots in ends.items() if len(slots) == 1 and worker != "slot"}
    return [
        Lane(worker if worker in single else f"{worker} {number + 1}", tuple(held))
        for (worker, number), held in taken.items()
    ]


def timeline(story: Story) -> list[Figure]:
    """Return the timeline of the workers."""
    lanes = lanes_of(story.runs, story.now)
    if not lanes:
        return []
    shown = sorted(lanes, key=lambda lane: lane.name)[:LANES]
    total = sum(len(lane.runs) for lane in shown)
    kept = _longest([run for lane in shown for run in lane.runs], BARS)
    rows = {lane.name: plain(lane.name, 40) for lane in shown}
    data = [_waits(story, shown, rows)]
    for what, colour in [*COLOURS.items(), (RUNNING, BLUE)]:
        bars = [(rows[lane.name], run) for lane in shown for run in lane.runs if id(run) in kept]
        own = [(row, run) for row, run in bars if look_of(story, run) == what]
        if own:
            data.append(_bars(story, str(what), colour, own))
    layout: Json = {
        "xaxis": axis(f"{story.clock.name} since the start", rangemode="tozero"),
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
        "barmode": "overlay",
        "bargap": 0.25,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.12},
    }
    parts = [
        "A bar is a run of a trial, by what it was good for; grey is waiting.",
        said(len(shown), len(lanes), "workers"),
        said(len(kept), total, "runs, the longest,"),
    ]
    height = max(220, 120 + 26 * len(shown))
    return [Figure("timeline", "Timeline", data, layout, " ".join(filter(None, parts)), height=height)]


def busy_part(story: Story) -> float | None:
    """Return the part of the workers' time, each from its first run to its last, in which they ran trials."""
    lanes = lanes_of(story.runs, story.now)
    held = sum(_end(run, story.now) - run.start for lane in lanes for run in lane.runs)
    there = sum(_end(lane.runs[-1], story.now) - lane.runs[0].start for lane in lanes)
    return held / there if there > 0 else None


def look_of(story: Story, run: Run) -> str:
    """Return the class by which a run is drawn: what most of its time was good for."""
    if run.end is None:
        return RUNNING
    uses = story.use_of(run)
    return Use.LOST if uses.get(Use.LOST) else max(uses, key=lambda use: uses[use])


def _longest(runs: Sequence[Run], count: int) -> set[int]:
    by_length = sorted(runs, key=lambda run: run.start - (run.end if run.end is not None else float("inf")))
    return {id(run) for run in by_length[:count]}


def _end(run: Run, now: float) -> float:
    return now if run.end is None else run.end


def _bars(story: Story, name: str, colour: str, own: Sequence[tuple[str, Run]]) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [row for row, _ in own],
        "base": [story.since_start(run.start) for _, run in own],
        "x": [round(max(0.0, _end(run, story.now) - run.start) / story.clock.seconds, 4) for _, run in own],
        "text": [f"{run.trial}, iterations {run.first_iteration}-{run.iteration}" for _, run in own],
        "textposition": "none",
        "hovertemplate": "%{text}<br>%{x:.4~g} " + f"{story.clock.short}<extra>{name}</extra>",
        "marker": {"color": colour, "line": {"width": 0.5, "color": "rgba(127,127,127,0.5)"}},
    }


def _waits(story: Story, lanes: Sequence[Lane], rows: dict[str, str]) -> Json:
    """Return the grey beneath: from a worker's first run to its last."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": "Idle",
        "y": [rows[lane.name] for lane in lanes],
        "base": [story.since_start(lane.runs[0].start) for lane in lanes],
        "x": [round((_end(lane.runs[-1], story.now) - lane.runs[0].start) / story.clock.seconds, 4) for lane in lanes],
        "hoverinfo": "skip",
        "marker": {"color": FAINT},
    }

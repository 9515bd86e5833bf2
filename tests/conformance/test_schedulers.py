"""What every scheduler of the catalogue does, whatever the numbers: every trial ends, the same way each time."""

from __future__ import annotations

import json
import math
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.api.catalogue import SCHEDULERS, SchedulerKind
from luthier.api.experiment import Spec
from luthier.api.parameters import is_active
from luthier.trial.schedulers import build
from luthier.trial.schedulers.scheduler import Stop
from luthier.trial.search import build as build_searcher
from luthier.trial.search.searcher import Values
from support.builders import (
    SCHEDULER_KINDS,
    a_block,
    a_boolean,
    a_categorical,
    a_discrete,
    a_double,
    a_log_double,
    a_spec,
    an_integer,
    only_when,
)
from support.simulated import End, SimulatedEngine

PARAMETERS = (a_double("x"), a_log_double(), an_integer("n", 1, 20))
CONDITIONAL = (
    *PARAMETERS,
    a_categorical("kind", "a", "b", "c"),
    a_boolean("flag"),
    a_discrete("batch", 8, 16, 32),
    a_double("y", **only_when("kind", "a", "b")),
    an_integer("m", 1, 5, **only_when("flag", "true")),
)
every_kind = pytest.mark.parametrize("kind", SCHEDULER_KINDS, ids=lambda kind: kind.value)


def spec_of(kind: SchedulerKind, *, trials: int = 12, slots: int = 3, iterations: int = 9, seed: int = 0) -> Spec:
    parameters = PARAMETERS if SCHEDULERS[kind].only_ranged else CONDITIONAL
    slots = max(SCHEDULERS[kind].min_parallel, slots)
    return a_spec(
        *parameters,
        scheduler=a_block(kind, *parameters),
        trials=max(trials, slots),
        parallel=slots,
        iterations=max(2, iterations),
        seed=seed,
    )


def drawn_values(spec: Spec) -> list[Values]:
    searcher = build_searcher(spec)
    return [searcher.suggest(f"t{number}") or {} for number in range(spec.budget.trials)]


def curve(weight: float, values: Values, iteration: int) -> float:
    """Training that saturates, from an offset and to a height that the values decide."""
    x = float(values["x"])
    return x * (1 - math.exp(-iteration / 3)) + 0.05 * math.sin(20 * x + iteration)


def accumulating(weight: float, values: Values, iteration: int) -> float:
    """Training that can only add to what was learnt, most with x near 0.5."""
    return weight + max(0.0, 1 - abs(float(values["x"]) - 0.5) * 2)


def simulated(spec: Spec, **more: object) -> SimulatedEngine:
    engine = SimulatedEngine(
        partial(build, spec),
        drawn_values(spec),
        slots=more.pop("slots", spec.budget.parallel_trials),  # type: ignore[arg-type]
        iterations=spec.budget.iterations_per_trial or 1,
        step=more.pop("step", curve),  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )
    return engine.run()


@every_kind
@pytest.mark.parametrize("save_delay", [0.0, 2.5, None], ids=["saves at once", "saves late", "never saves"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.differing_executors], derandomize=True)
@given(data=st.data())
def test_every_trial_ends_whatever_the_numbers(
    kind: SchedulerKind, save_delay: float | None, data: st.DataObject
) -> None:
    trials, slots = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 8))
    iterations = data.draw(st.integers(1, 30))
    failing = data.draw(st.dictionaries(st.integers(0, 24), st.integers(1, 12), max_size=6))
    spec = spec_of(kind, trials=trials, slots=slots, iterations=iterations)
    fails = {f"t{number}": iteration for number, iteration in failing.items()}
    engine = simulated(spec, slots=slots, save_delay=save_delay, fails=fails)
    assert engine.unfinished() == []
    assert len(engine.trials) == spec.budget.trials


@every_kind
def test_every_trial_ends_when_all_of_them_fail(kind: SchedulerKind) -> None:
    spec = spec_of(kind)
    engine = simulated(spec, fails={f"t{number}": 1 + number % 4 for number in range(12)})
    assert engine.unfinished() == []


@every_kind
def test_every_trial_ends_when_scores_are_no_numbers(kind: SchedulerKind) -> None:
    def broken(weight: float, values: Values, iteration: int) -> float:
        return (math.nan, math.inf, -math.inf, 0.5)[(iteration + int(values["n"])) % 4]

    engine = simulated(spec_of(kind), step=broken)
    assert engine.unfinished() == []
    json.dumps(engine.scheduler.state(), allow_nan=False)


@every_kind
def test_every_trial_ends_when_all_are_equal(kind: SchedulerKind) -> None:
    engine = simulated(spec_of(kind), step=lambda weight, values, iteration: 1.0)
    assert engine.unfinished() == []


@every_kind
@pytest.mark.parametrize("restart_after", [1, 7, 20, 45])
def test_a_restored_scheduler_ends_in_the_same_place(kind: SchedulerKind, restart_after: int) -> None:
    spec = spec_of(kind, iterations=12, seed=4)
    uninterrupted = simulated(spec, step=accumulating)
    restarted = simulated(spec, step=accumulating, restart_after=restart_after)
    assert restarted.log == uninterrupted.log
    assert restarted.scheduler.state() == uninterrupted.scheduler.state()


@every_kind
def test_the_same_seed_makes_the_same_decisions(kind: SchedulerKind) -> None:
    spec = spec_of(kind, seed=9)
    assert simulated(spec, step=accumulating).log == simulated(spec, step=accumulating).log


@every_kind
def test_the_best_trial_is_never_stopped(kind: SchedulerKind) -> None:
    """Curves that never cross leave no excuse."""
    engine = simulated(spec_of(kind), step=lambda weight, values, iteration: float(values["x"]) * iteration)
    started = drawn_values(spec_of(kind))
    best = max(range(len(started)), key=lambda number: float(started[number]["x"]))
    assert engine.trials[f"t{best}"].end is End.COMPLETED


@every_kind
def test_reasons_are_sentences_with_numbers(kind: SchedulerKind) -> None:
    engine = simulated(spec_of(kind, trials=20))
    for trial in engine.trials.values():
        if trial.end in (End.STOPPED, End.DROPPED):
            assert any(character.isdigit() for character in trial.reason)
            assert len(trial.reason.split()) > 5


@every_kind
def test_a_later_end_takes_the_best_trials_on_to_it_and_every_trial_ends_again(kind: SchedulerKind) -> None:
    engine = simulated(spec_of(kind), step=lambda weight, values, iteration: float(values["x"]) * iteration)
    complete = [name for name, trial in engine.trials.items() if trial.end is End.COMPLETED]
    best = max(complete, key=lambda name: engine.trials[name].weight)

    chosen = engine.resize(40)
    engine.run()

    assert set(chosen) <= set(complete)
    assert chosen[0] == best
    assert engine.unfinished() == []
    assert engine.trials[best].end is End.COMPLETED
    assert engine.trials[best].iteration == 40
    assert {t.iteration for t in engine.trials.values() if t.end is End.COMPLETED} <= {9, 40}


@every_kind
def test_every_trial_ends_however_often_the_end_is_moved(kind: SchedulerKind) -> None:
    def check(data: st.DataObject) -> None:
        edits = data.draw(st.dictionaries(st.integers(1, 80), st.integers(2, 40), max_size=5))
        fails = {f"t{data.draw(st.integers(0, 11))}": data.draw(st.integers(1, 20))}
        spec = spec_of(kind, trials=data.draw(st.integers(1, 12)), slots=data.draw(st.integers(1, 4)))
        engine = simulated(spec, edits=edits, fails=fails, save_delay=data.draw(st.sampled_from([0.0, 2.5])))
        engine.resize(41)
        engine.run()
        assert engine.unfinished() == []

    examples = 2 if kind is SchedulerKind.PB2 else 12
    settings(max_examples=examples, deadline=None, derandomize=True)(given(data=st.data())(check))()


@every_kind
@pytest.mark.parametrize("restart_after", [8, 20, 30])
def test_a_restored_scheduler_knows_where_the_end_was_moved_to(kind: SchedulerKind, restart_after: int) -> None:
    spec, edits = spec_of(kind, iterations=9, seed=4), {7: 27, 18: 12, 24: 30}
    uninterrupted = simulated(spec, step=accumulating, edits=edits)
    restarted = simulated(spec, step=accumulating, edits=edits, restart_after=restart_after)
    assert any("resized to 30" in line for line in uninterrupted.log)
    assert restarted.log == uninterrupted.log
    assert restarted.scheduler.state() == uninterrupted.scheduler.state()


@pytest.mark.parametrize(
    "kind", [SchedulerKind.ASHA, SchedulerKind.HYPERBAND, SchedulerKind.MEDIAN_STOPPING], ids=lambda kind: kind.value
)
def test_stopping_early_spends_less(kind: SchedulerKind) -> None:
    spec = spec_of(kind, trials=24, slots=4, iterations=27)
    assert simulated(spec).trained < 0.8 * 24 * 27


@pytest.mark.parametrize("kind", [SchedulerKind.PBT, SchedulerKind.PB2], ids=lambda kind: kind.value)
@pytest.mark.parametrize("slots", [2, 4, 8])
def test_a_population_gets_further_than_its_members_alone(kind: SchedulerKind, slots: int) -> None:
    spec = spec_of(kind, trials=8, slots=slots, iterations=24, seed=3)
    alone = simulated(spec_of(SchedulerKind.NONE, trials=8, slots=slots, iterations=24, seed=3), step=accumulating)
    engine = simulated(spec, step=accumulating)
    assert engine.exploits
    assert sum(t.weight for t in engine.trials.values()) > 1.2 * sum(t.weight for t in alone.trials.values())
    assert engine.best >= alone.best * 0.99


@pytest.mark.parametrize("kind", [SchedulerKind.PBT, SchedulerKind.PB2], ids=lambda kind: kind.value)
def test_members_take_turns_when_slots_are_short(kind: SchedulerKind) -> None:
    """No member may get more than two intervals ahead while another waits."""
    spec = spec_of(kind, trials=6, slots=2, iterations=20)
    furthest: list[int] = []

    class Watched(SimulatedEngine):
        def _report(self, trial: object) -> None:  # type: ignore[override]
            super()._report(trial)  # type: ignore[arg-type]
            iterations = [t.iteration for t in self.trials.values() if t.end is None]
            if len(self.trials) == 6 and iterations:
                furthest.append(max(iterations) - min(iterations))

    Watched(partial(build, spec), drawn_values(spec), slots=2, iterations=20, step=accumulating).run()
    assert max(furthest) <= 6


@every_kind
def test_an_exploit_goes_on_from_a_checkpoint_that_is_there_with_values_of_the_space(kind: SchedulerKind) -> None:
    spec = spec_of(kind, trials=10, slots=4, iterations=30)
    engine = simulated(spec, step=accumulating, save_delay=1.7)  # the engine raises KeyError for one that is not there
    for _, exploit in engine.exploits:
        active = {p.name for p in spec.parameters if is_active(p, exploit.values)}
        assert exploit.values.keys() == active
        assert all(p.admits(exploit.values[p.name]) for p in spec.parameters if p.name in active)
        assert all(before != after for before, after in exploit.changed.values())


def test_only_schedulers_that_need_checkpoints_pause_or_copy() -> None:
    for kind, page in SCHEDULERS.items():
        engine = simulated(spec_of(kind, trials=12, slots=2, iterations=12), step=accumulating)
        moved = any("Pause" in line or "Exploit" in line for line in engine.log)
        assert moved == page.needs_checkpoints, kind


def test_a_trial_that_was_stopped_is_stopped_again_if_it_comes_back() -> None:
    """A driver may die between a decision and its execution."""
    for kind in (SchedulerKind.ASHA, SchedulerKind.HYPERBAND):
        scheduler = build(spec_of(kind))
        for number in range(6):
            scheduler.added(f"t{number}", {"x": 0.0})
        scheduler.closed()
        for number in range(6):
            scheduler.report(f"t{number}", 1, -float(number), waiting=0)
        scheduler.orders()
        assert isinstance(scheduler.report("t5", 1, -5.0, waiting=0), Stop), kind

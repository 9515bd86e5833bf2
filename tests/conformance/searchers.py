"""What every searcher does, as a class that each algorithm's tests inherit with their own `algorithm`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from luthier.api.catalogue import ALGORITHMS, Algorithm
from luthier.api.experiment import Spec
from luthier.api.parameters import Parameter, ParameterType, Scale, is_active
from luthier.trial.search import build
from luthier.trial.search.searcher import Ended, Ending, Searcher, Values
from support.builders import a_double, a_rich_space, a_spec, an_integer


def toy_score(values: Values) -> float:
    """Some score that depends on every value."""
    return sum(math.sin(float(hash_free(value))) for value in values.values())


def hash_free(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float(len(str(value)))


def played(searcher: Searcher, spec: Spec, trials: int, first: int = 0) -> Iterator[Values]:
    """Suggest and observe by a fixed script: some trials stay pending, some stop, some fail, some are infeasible."""
    for number in range(first, first + trials):
        values = searcher.suggest(f"t{number}")
        if values is None:
            return
        yield values
        scores = tuple(toy_score(values) + i for i in range(len(spec.objectives)))
        match number % 7:
            case 2:
                pass
            case 3:
                searcher.observe(f"t{number}", Ended(Ending.STOPPED, 2, scores))
            case 5:
                searcher.observe(f"t{number}", Ended(Ending.FAILED))
            case 6:
                searcher.observe(f"t{number}", Ended(Ending.INFEASIBLE))
            case _:
                searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 9, scores))


def assert_in_space(spec: Spec, values: Values) -> None:
    """Exactly the active parameters have a value, each of its type, within bounds and on a step."""
    active = {p.name for p in spec.parameters if is_active(p, values)}
    assert values.keys() == active
    for parameter in spec.parameters:
        if parameter.name in active:
            assert_fits(parameter, values[parameter.name])


def assert_fits(parameter: Parameter, value: object) -> None:
    match parameter.type:
        case ParameterType.CATEGORICAL:
            assert type(value) is str
            assert value in (parameter.values or [])
        case ParameterType.BOOLEAN:
            assert type(value) is bool
        case ParameterType.DISCRETE:
            assert value in parameter.choices
            assert type(value) in (int, float)
        case _:
            assert parameter.min is not None
            assert parameter.max is not None
            assert type(value) is (int if parameter.type is ParameterType.INTEGER else float)
            assert isinstance(value, int | float)
            assert parameter.min <= value <= parameter.max
            if parameter.step:
                steps = (value - parameter.min) / parameter.step
                assert steps == pytest.approx(round(steps))


class SearcherContract:
    """Inherit, and set `algorithm`; one that takes long to think also sets fewer trials."""

    algorithm: str
    trials = 30
    """Trials of a run: well beyond the model's startup trials."""
    settings: dict[str, int] | None = None

    def spec(self, **more: object) -> Spec:
        return a_spec(*a_rich_space(self.algorithm), algorithm=self.algorithm, settings=self.settings, **more)  # type: ignore[arg-type]

    def test_every_suggestion_lies_in_the_space(self) -> None:
        spec = self.spec()
        suggestions = list(played(build(spec), spec, self.trials))
        assert len(suggestions) == self.trials
        for values in suggestions:
            assert_in_space(spec, values)

    def test_every_value_of_a_small_parameter_is_suggested(self) -> None:
        spec = a_spec(an_integer("n", 1, 4), an_integer("m", 1, 5), algorithm=self.algorithm)
        searcher = build(spec)
        seen = {searcher.suggest(f"t{i}")["n"] for i in range(20)}  # type: ignore[index]
        assert seen == {1, 2, 3, 4}

    def test_the_same_seed_repeats_the_run(self) -> None:
        spec = self.spec(seed=5)
        assert list(played(build(spec), spec, self.trials)) == list(played(build(spec), spec, self.trials))

    def test_another_seed_makes_another_run(self) -> None:
        one, two = self.spec(seed=5), self.spec(seed=6)
        assert list(played(build(one), one, self.trials)) != list(played(build(two), two, self.trials))

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.8], ids=lambda share: f"after {share:.0%}")
    def test_a_restored_searcher_goes_on_like_the_uninterrupted_one(self, share: float) -> None:
        after = int(self.trials * share)
        spec = self.spec(seed=3)
        original, restored = build(spec), build(spec)
        list(played(original, spec, after))
        restored.restore(json.loads(json.dumps(original.state(), allow_nan=False)))
        assert restored.state() == original.state()
        assert list(played(restored, spec, 5, after)) == list(played(original, spec, 5, after))

    def test_a_replayed_ledger_is_as_good_as_the_state(self) -> None:
        spec = self.spec(seed=3)
        original, replayed = build(spec), build(spec)
        for number, values in enumerate(played(original, spec, self.trials - 5)):
            replayed.remember(f"t{number}", values)
            again = {2: None, 3: Ended(Ending.STOPPED, 2, (toy_score(values),)), 5: Ended(Ending.FAILED)}
            again[6] = Ended(Ending.INFEASIBLE)
            ended = again.get(number % 7, Ended(Ending.COMPLETED, 9, (toy_score(values),)))
            if ended is not None:
                replayed.observe(f"t{number}", ended)
        assert list(played(replayed, spec, 5, self.trials)) == list(played(original, spec, 5, self.trials))

    def test_trials_that_all_stay_pending_do_no_harm(self) -> None:
        spec = self.spec()
        searcher = build(spec)
        for number in range(self.trials):
            values = searcher.suggest(f"t{number}")
            assert values is not None
            assert_in_space(spec, values)

    @pytest.mark.parametrize(
        "ended",
        [
            pytest.param(Ended(Ending.FAILED), id="failed"),
            pytest.param(Ended(Ending.INFEASIBLE), id="infeasible"),
            pytest.param(Ended(Ending.STOPPED, 1, (0.5,)), id="stopped with a value"),
            pytest.param(Ended(Ending.STOPPED, 1), id="stopped without a value"),
            pytest.param(Ended(Ending.COMPLETED, 9, (math.nan,)), id="not a number"),
            pytest.param(Ended(Ending.COMPLETED, 9, (math.inf,)), id="infinite"),
            pytest.param(Ended(Ending.COMPLETED, 9, (0.5,)), id="all equal"),
        ],
    )
    def test_trials_that_all_end_alike_do_no_harm(self, ended: Ended) -> None:
        spec = self.spec()
        searcher = build(spec)
        for number in range(self.trials):
            values = searcher.suggest(f"t{number}")
            assert values is not None
            assert_in_space(spec, values)
            searcher.observe(f"t{number}", ended)
        json.dumps(searcher.state(), allow_nan=False)

    def test_an_ending_that_is_told_twice_counts_once(self) -> None:
        searcher = build(self.spec())
        searcher.suggest("t0")
        searcher.observe("t0", Ended(Ending.COMPLETED, 9, (1.0,)))
        before = searcher.state()
        searcher.observe("t0", Ended(Ending.COMPLETED, 9, (1.0,)))
        assert searcher.state() == before

    def test_trials_that_went_on_count_as_they_ended_last(self) -> None:
        """Deepened by a raised budget, the worst may have become the best: nothing is left of its first ending."""
        spec = self.spec(seed=3)
        informed, corrected = build(spec), build(spec)
        first = list(played(corrected, spec, self.trials))
        for number, values in enumerate(first):
            informed.remember(f"t{number}", values)
        for number in range(self.trials):
            ended = Ended(Ending.COMPLETED, 27, (float((number * 7) % 11),))
            informed.observe(f"t{number}", ended)
            corrected.observe(f"t{number}", ended)
        assert corrected.suggest("later") == informed.suggest("later")
        restored = build(spec)
        restored.restore(json.loads(json.dumps(corrected.state(), allow_nan=False)))
        assert restored.suggest("last") == corrected.suggest("last")

    def test_an_unknown_trial_is_refused_by_name(self) -> None:
        with pytest.raises(KeyError, match="t9"):
            build(self.spec()).observe("t9", Ended(Ending.FAILED))

    def test_initial_points_come_first_and_are_completed(self) -> None:
        points = ({"layers": 3, "dropout": 0.5}, {"batch": 32})
        spec = self.spec(initial_points=points, seed=2)
        first, second, third = list(played(build(spec), spec, 3))
        assert (first["layers"], first["dropout"], second["batch"]) == (3, 0.5, 32)
        for values in (first, second, third):
            assert_in_space(spec, values)

    def test_initial_points_survive_a_restart(self) -> None:
        full = {p.name: p.choices[0] if p.choices else _lowest(p) for p in self.spec().parameters if p.when is None}
        spec = self.spec(initial_points=(full, {"layers": 3}, {"layers": 2}), seed=2)
        original, restored = build(spec), build(spec)
        list(played(original, spec, 2))
        restored.restore(json.loads(json.dumps(original.state())))
        assert list(played(restored, spec, self.trials // 2, 2)) == list(played(original, spec, self.trials // 2, 2))

    def test_as_many_objectives_as_the_catalogue_says(self) -> None:
        most = ALGORITHMS[Algorithm(self.algorithm)].max_objectives
        spec = self.spec(directions=("Maximize", "Minimize", "Maximize")[:most])
        for values in played(build(spec), spec, self.trials):
            assert_in_space(spec, values)

    def test_it_ends_exactly_if_the_catalogue_calls_it_finite(self) -> None:
        spec = a_spec(an_integer("n", 1, 3), an_integer("m", 1, 5, step=2), algorithm=self.algorithm)
        searcher = build(spec)
        suggestions = [searcher.suggest(f"t{i}") for i in range(20)]
        if ALGORITHMS[Algorithm(self.algorithm)].finite:
            found = [tuple(values.items()) for values in suggestions[:9] if values]
            assert len(set(found)) == 9
            assert suggestions[9:] == [None] * 11
        else:
            assert None not in suggestions

    def test_a_space_of_one_value_is_no_obstacle(self) -> None:
        spec = a_spec({"name": "d", "type": "Discrete", "numbers": [4]}, algorithm=self.algorithm)
        searcher = build(spec)
        for number in range(15 if not ALGORITHMS[Algorithm(self.algorithm)].finite else 1):
            assert searcher.suggest(f"t{number}") == {"d": 4}
            searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (1.0,)))


class ContinuousContract:
    """For algorithms that take Double without `step` and `scale: Log`: inherit, and set `algorithm`."""

    algorithm: str

    def test_a_log_scale_is_really_logarithmic(self) -> None:
        from scipy.stats import kstest

        spec = a_spec(
            {"name": "lr", "type": "Double", "min": 1e-6, "max": 1.0, "scale": "Log"},
            a_double("x"),
            an_integer("n", 1, 1000, scale="Log"),
            algorithm=self.algorithm,
            seed=1,
        )
        searcher = build(spec)
        drawn = [searcher.suggest(f"t{i}") or {} for i in range(256)]
        rates = [math.log10(float(values["lr"])) / 6 + 1 for values in drawn]
        assert kstest(rates, "uniform").pvalue > 0.01
        small = sum(int(values["n"]) <= 31 for values in drawn)
        assert small == pytest.approx(128, abs=30)
        assert kstest([float(values["x"]) for values in drawn], "uniform").pvalue > 0.01

    def test_huge_bounds_do_not_overflow(self) -> None:
        spec = a_spec(a_double("x", -1e18, 1e18), a_double("y", 1e-18, 1e18, scale=Scale.LOG), algorithm=self.algorithm)
        searcher = build(spec)
        for number in range(12):
            assert_in_space(spec, searcher.suggest(f"t{number}") or {})
            searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (float(number),)))


def _lowest(parameter: Parameter) -> float:
    return int(parameter.min or 0) if parameter.type is ParameterType.INTEGER else parameter.min or 0.0

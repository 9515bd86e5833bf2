"""What is particular to one search algorithm, beyond the contract of them all."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import pytest

from luthier.api.experiment import Spec
from luthier.trial.search import build
from luthier.trial.search.searcher import Ended, Ending, Values
from support.builders import a_categorical, a_double, a_spec, an_integer, only_when


def best_of(spec: Spec, trials: int, loss: Callable[[Values], float]) -> float:
    searcher, losses = build(spec), []
    for number in range(trials):
        values = searcher.suggest(f"t{number}")
        assert values is not None
        losses.append(loss(values))
        searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (losses[-1],)))
    return min(losses)


def quadratic(values: Values) -> float:
    return (float(values["x"]) - 0.3) ** 2 + (float(values["y"]) + 0.2) ** 2 + (float(values["z"]) - 0.1) ** 2


def a_quadratic_spec(algorithm: str, seed: int) -> Spec:
    axes = [a_double(name, -1, 1) for name in ("x", "y", "z")]
    return a_spec(*axes, algorithm=algorithm, seed=seed, directions=("Minimize",))


@pytest.mark.parametrize("algorithm", ["TPE", "CMAES"])
def test_a_model_beats_random_search_on_a_quadratic(algorithm: str) -> None:
    def median_loss(name: str) -> float:
        return statistics.median(best_of(a_quadratic_spec(name, seed), 60, quadratic) for seed in range(5))

    assert median_loss(algorithm) < median_loss("Random") / 2


def test_maximize_and_minimize_are_mirror_images() -> None:
    def taught(direction: str, sign: float) -> Values | None:
        searcher = build(a_spec(a_double(), algorithm="TPE", directions=(direction,)))
        for number in range(20):
            values = searcher.suggest(f"t{number}") or {}
            searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (sign * float(values["x"]),)))
        return searcher.suggest("next")

    assert taught("Maximize", 1.0) == taught("Minimize", -1.0)


def test_a_stopped_trial_does_not_pass_for_a_good_final_one() -> None:
    """Early losses near 0 at x > 0.5, told as stopped, must not draw the model there."""
    spec = a_spec(a_double(), algorithm="TPE", directions=("Minimize",), settings={"startupTrials": 5})
    searcher = build(spec)
    for number in range(30):
        x = float((searcher.suggest(f"t{number}") or {})["x"])
        stopped, completed = Ended(Ending.STOPPED, 1, (0.0,)), Ended(Ending.COMPLETED, 9, (1.0 + abs(x - 0.2),))
        searcher.observe(f"t{number}", stopped if x > 0.5 else completed)
    later = [float((searcher.suggest(f"l{n}") or {})["x"]) for n in range(10)]
    assert statistics.median(later) < 0.5


@pytest.mark.parametrize(
    ("algorithm", "directions"),
    [("TPE", ("Minimize",)), ("TPE", ("Minimize", "Maximize")), ("CMAES", ("Minimize",))],
    ids=["TPE", "TPE with two objectives", "CMA-ES"],
)
def test_a_model_keeps_away_from_where_trials_were_infeasible_and_not_from_where_they_only_failed(
    algorithm: str, directions: tuple[str, ...]
) -> None:
    """Half of the space is out of reach, and next to it is best."""

    def trials_out_of_reach(ending: Ending) -> int:
        searcher = build(a_spec(a_double("x"), a_double("y"), algorithm=algorithm, seed=0, directions=directions))
        out_of_reach = 0
        for number in range(60):
            x = float((searcher.suggest(f"t{number}") or {})["x"])
            out_of_reach += x > 0.5 and number >= 20
            scores = (-x, x)[: len(directions)]
            searcher.observe(f"t{number}", Ended(ending) if x > 0.5 else Ended(Ending.COMPLETED, 1, scores))
        return out_of_reach

    assert trials_out_of_reach(Ending.INFEASIBLE) < 0.8 * trials_out_of_reach(Ending.FAILED)


def test_tpe_takes_an_infeasible_trial_for_worse_than_all_that_were_stopped_early() -> None:
    """Under ASHA few trials are complete, and what was infeasible must not pass for one of them."""
    searcher = build(a_spec(a_double("x"), algorithm="TPE", seed=0, directions=("Minimize",)))
    suggested = []
    for number in range(60):
        suggested.append(float((searcher.suggest(f"t{number}") or {})["x"]))
        is_bad = suggested[-1] > 0.5
        searcher.observe(f"t{number}", Ended(Ending.INFEASIBLE) if is_bad else Ended(Ending.STOPPED, 1, (1.0,)))
    assert sum(x > 0.5 for x in suggested[20:]) < 15


def test_pending_trials_push_parallel_suggestions_apart() -> None:
    spec = a_spec(a_double(), algorithm="TPE", directions=("Minimize",), settings={"startupTrials": 5})
    searcher = build(spec)
    for number in range(25):
        x = float((searcher.suggest(f"t{number}") or {})["x"])
        searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (abs(x - 0.5),)))
    batch = [float((searcher.suggest(f"p{n}") or {})["x"]) for n in range(8)]
    assert len(set(batch)) == 8
    assert max(batch) - min(batch) > 0.05


def test_remembering_a_suggestion_runs_no_model() -> None:
    """A thousand trials come back in a blink, which asking TPE again would not do."""
    spec = a_spec(a_double(), an_integer(), algorithm="TPE")
    searcher = build(spec)
    for number in range(1000):
        searcher.remember(f"t{number}", {"x": number / 1000, "n": 1 + number % 9})
        searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (0.0,)))
    assert searcher.suggest("next") is not None


def test_a_huge_grid_is_never_written_down() -> None:
    spec = a_spec(*[an_integer(f"n{i}", 1, 10**9) for i in range(60)], algorithm="Grid")
    searcher = build(spec)
    seen = {tuple((searcher.suggest(f"t{n}") or {}).values()) for n in range(50)}
    assert len(seen) == 50


def test_a_budget_smaller_than_the_grid_still_spreads_over_it() -> None:
    spec = a_spec(an_integer("a", 1, 10), an_integer("b", 1, 10), algorithm="Grid")
    searcher = build(spec)
    drawn = [searcher.suggest(f"t{n}") or {} for n in range(20)]
    assert {values["a"] for values in drawn} == set(range(1, 11))
    assert {values["b"] for values in drawn} == set(range(1, 11))


def test_a_grid_point_that_was_an_initial_point_is_not_repeated() -> None:
    points = ({"n": 2}, {"n": 2}, {"n": 2, "c": "b"})
    spec = a_spec(an_integer("n", 1, 3), a_categorical("c", "a", "b"), algorithm="Grid", initial_points=points)
    searcher = build(spec)
    drawn = [searcher.suggest(f"t{n}") for n in range(7)]
    assert [values["n"] for values in drawn[:2] if values] == [2, 2]
    assert len({tuple(values.items()) for values in drawn[:6] if values}) == 6
    assert drawn[6] is None


def test_sobol_fills_every_cell_once_before_it_fills_one_twice() -> None:
    searcher = build(a_spec(a_double("x"), a_double("y"), algorithm="Sobol", seed=3))
    drawn = [searcher.suggest(f"t{n}") or {} for n in range(16)]
    cells = {(int(float(values["x"]) * 4), int(float(values["y"]) * 4)) for values in drawn}
    assert len(cells) == 16


def test_pending_trials_of_a_conditional_space_look_alike_after_a_restart() -> None:
    """TPE's own note on a pending trial also names parameters that turned out not to take part."""
    spec = a_spec(
        a_categorical("kind", "a", "b"),
        a_double("x", **only_when("kind", "a")),
        a_double("y", **only_when("kind", "b")),
        algorithm="TPE",
        settings={"startupTrials": 4},
    )
    for seed_trials in range(12, 20):
        original, restored = build(spec), build(spec)
        for number in range(seed_trials):
            values = original.suggest(f"t{number}") or {}
            if number < 10:
                loss = float(values.get("x", values.get("y", 0.0)))
                original.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (loss,)))
        restored.restore(original.state())
        assert [restored.suggest(f"n{i}") for i in range(4)] == [original.suggest(f"n{i}") for i in range(4)]


def test_without_torch_gp_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs torch.*trial\.image"):
        build(a_spec(a_double(), algorithm="GP"))

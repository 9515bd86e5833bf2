"""A finished experiment goes on, on a real Ray: more trials, deeper ones, on the laptop as well."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from luthier.trial.engine import Engine
from support.real_runs import a_population, an_experiment, records, results_of, run

pytestmark = pytest.mark.ray
LUTHIER = Path(sys.executable).parent / "luthier"

SELDOM_SAVED = {"trial": {"checkpointInterval": 10**5}}


def test_deeper_trials_go_on_from_the_checkpoints_of_their_last_iteration(tmp_path):
    run(an_experiment("counts_and_saves", trials=2, iterationsPerTrial=3), tmp_path)

    report = run(an_experiment("counts_and_saves", trials=3, iterationsPerTrial=5), tmp_path, attempt=2)

    assert (report.outcome.reason, report.trials.succeeded) == ("TrialsDone", 3)
    steps = {key: metrics["step"] for key, metrics in results_of(tmp_path).items()}
    assert steps == {(f"t000{trial}", i): i for trial in range(3) for i in range(1, 6)}
    assert [record.iteration for record in records(tmp_path, "run")] == [0, 0, 3, 3, 0]
    assert len(records(tmp_path, "result")) == 15


def test_a_class_saves_at_its_old_end_what_it_is_deepened_from(tmp_path):
    sparse = {"trial": {"checkpointInterval": 50}}
    run(an_experiment("WithoutReset", trials=1, iterationsPerTrial=3, **sparse), tmp_path)

    run(an_experiment("WithoutReset", trials=1, iterationsPerTrial=5, **sparse), tmp_path, attempt=2)

    (x,) = (record.values["x"] for record in records(tmp_path, "trial"))
    assert [record.iteration for record in records(tmp_path, "run")] == [0, 3]
    assert [r.metrics["total"] for r in records(tmp_path, "result")] == pytest.approx([x * i for i in range(1, 6)])


def test_a_population_lives_on_and_every_weight_comes_from_where_the_ledger_says(tmp_path):
    run(a_population(), tmp_path)

    report = run(a_population(iterationsPerTrial=16), tmp_path, attempt=2)

    assert report.trials.succeeded == report.trials.total == 4
    results = results_of(tmp_path)
    assert Counter(trial for trial, _ in results) == {f"t000{i}": 16 for i in range(4)}
    assert all(results[name, 9]["began"] == results[name, 8]["ended"] for name in ("t0000", "t0001", "t0002", "t0003"))
    assert report.population.generation == 8


@pytest.mark.parametrize(("function", "more"), [("counts_and_saves", {}), ("WithoutReset", SELDOM_SAVED)])
def test_a_stop_saves_what_runs_and_taken_back_lets_it_go_on_from_there(tmp_path, function, more):
    endless = an_experiment(function, trials=1, iterationsPerTrial=10**6, **more)
    stop = endless.spec.budget.model_copy(update={"stop": True})

    def on_report(report):
        if report.best is not None:
            engine.change_budget(2, stop)

    engine = Engine(endless, tmp_path, 1, on_report)
    report = engine.run()

    assert (report.outcome.reason, report.outcome.succeeded, report.trials.stopped) == ("Stopped", True, 1)
    reached = records(tmp_path, "result")[-1].iteration
    report = run(an_experiment(function, trials=1, iterationsPerTrial=reached + 2, **more), tmp_path, attempt=2)
    assert (report.outcome.reason, report.trials.succeeded) == ("TrialsDone", 1)
    assert [record.iteration for record in records(tmp_path, "run")] == [0, reached], "nothing was done again"


MANIFEST = """
apiVersion: luthier.dev/v1alpha1
kind: TuningExperiment
metadata: {{name: deeper}}
spec:
  objectives: [{{metric: loss, direction: Minimize}}]
  parameters: [{{name: x, type: Double, min: 0, max: 1}}]
  budget: {{trials: 2, iterationsPerTrial: {iterations}}}
  trial: {{function: "trainables:counts_and_saves", resources: {{cpu: 0.1}}}}
"""


def test_on_the_laptop_a_finished_run_goes_on_with_a_raised_budget_in_its_file(tmp_path):
    manifest, results = tmp_path / "deeper.yaml", tmp_path / "out"
    (tmp_path / "trainables.py").write_text((Path(__file__).parents[1] / "support" / "trainables.py").read_text())
    manifest.write_text(MANIFEST.format(iterations=2))
    assert "--resume" in luthier("run", str(manifest), "--output", str(results))

    manifest.write_text(MANIFEST.format(iterations=4))
    luthier("run", str(manifest), "--resume", str(results))

    assert [record.iteration for record in records(results, "run")] == [0, 0, 2, 2]
    assert Counter(record.trial for record in records(results, "result")) == {"t0000": 4, "t0001": 4}


def luthier(*arguments):
    done = subprocess.run([LUTHIER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""The driver's page: as much as the manifest asks for, bounded labels, and nothing that could be a secret's name."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from luthier.api.experiment import DriverMetrics
from luthier.trial import snapshot
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.reporting import make_report
from luthier.trial.search.random import RandomSearcher
from luthier.trial.snapshot import TRIALS_SHOWN
from support.builders import a_boolean, a_categorical, a_double, a_spec
from support.studies import ToldStudy

ORDER = ("trial", "metric", "parameter", "value", "resource", "kind", "state", "cause", "le")
RESOURCES = {"CPU": (4.0, 1.0)}


def a_study(*parameters, **spec):
    given = {"trials": 8, "parallel": 4, "iterations": None, **spec}
    return ToldStudy(a_spec(*(parameters or [a_double("x")]), **given)).begins()


def samples_of(page):
    """Values by name and labels: the trial's first, the others by name."""
    return {
        (sample.name, *(sample.labels[key] for key in ORDER if key in sample.labels)): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def page_of(told, detail=DriverMetrics.FULL):
    report = make_report(told.study, uid="u", attempt=1, sequence=1, now=told.now)
    page = DriverPage(lambda: report)
    page.begin("digits", detail)
    page.show(snapshot.take(told.study, RESOURCES, with_trials=detail is DriverMetrics.FULL))
    return page


def test_a_full_page_shows_each_trial_with_what_it_tries_and_what_came_of_it():
    told = a_study(a_double("lr"), a_categorical("optimizer", "sgd"), a_boolean("nesterov"))
    name = told.starts()
    told.reports(name, 0.25, loss=3.0)
    told.reports(name, 0.5, loss=2.0)
    found = samples_of(page_of(told).render())
    values = told.study.trials[name].values
    assert found["luthier_driver_trial_iteration", name] == 2
    assert found["luthier_driver_trial_metric", name, "score0"] == 0.5
    assert found["luthier_driver_trial_metric", name, "loss"] == 2.0
    assert found["luthier_driver_trial_parameter", name, "lr"] == values["lr"]
    assert found["luthier_driver_trial_parameter", name, "nesterov"] == float(values["nesterov"])
    assert found["luthier_driver_trial_choice_info", name, "optimizer", "sgd"] == 1
    assert found["luthier_driver_trials_not_shown",] == 0
    assert found["luthier_driver_ray_resources", "CPU", "used"] == 1


def test_a_summary_shows_no_trial():
    told = a_study()
    told.completes(told.starts(), 0.5)
    names = {name for name, *_ in samples_of(page_of(told, DriverMetrics.SUMMARY).render())}
    assert "luthier_driver_best" in names
    assert not names & {
        "luthier_driver_trial_metric",
        "luthier_driver_trial_iteration",
        "luthier_driver_trial_parameter",
    }
    assert "luthier_driver_trials_not_shown" not in names


def test_every_series_names_its_experiment():
    told = a_study(trials=4, iterations=4, scheduler={"pbt": {"perturbationInterval": 1}})
    for name in told.starts_all():
        told.reports(name, 0.5)
    page = page_of(told)
    page.timed(RandomSearcher(a_spec(a_double("x")))).suggest("t0000")
    families = list(text_string_to_metric_families(page.render().decode()))
    assert {sample.labels.get("experiment") for family in families for sample in family.samples} == {"digits"}
    assert "luthier_driver_generation" in {family.name for family in families}


def test_where_none_are_wanted_there_is_no_page():
    assert page_of(a_study(), DriverMetrics.NONE).render() is None


def test_running_trials_are_shown_before_the_best_and_the_rest_are_counted():
    told = a_study(trials=TRIALS_SHOWN + 50, parallel=20)
    for number in range(TRIALS_SHOWN + 10):
        told.completes(told.starts(), float(number))
    running = told.starts_all()
    found = samples_of(page_of(told).render())
    shown = [labels[0] for name, *labels in found if name == "luthier_driver_trial_iteration"]
    assert len(shown) == TRIALS_SHOWN
    assert set(running) <= set(shown)
    assert f"t{TRIALS_SHOWN + 9:04d}" in shown
    assert "t0000" not in shown
    assert found["luthier_driver_trials_not_shown",] == len(told.study.trials) - TRIALS_SHOWN


def test_a_trial_has_no_more_than_sixteen_metrics_its_objectives_first():
    told = a_study()
    name = told.starts()
    told.study.report(name, {"score0": 1.0, **{f"m{number:03d}": 1.0 for number in range(300)}}, told.tick())
    found = [labels for name, *labels in samples_of(page_of(told).render()) if name == "luthier_driver_trial_metric"]
    assert len(found) == 16
    assert [name, "score0"] in found


def test_each_proposal_is_timed_and_stays_what_it_was():
    spec = a_spec(a_double("x"), seed=3)
    page = page_of(a_study())
    timed, plain = page.timed(RandomSearcher(spec)), RandomSearcher(spec)
    assert [timed.suggest(f"t{n}") for n in range(3)] == [plain.suggest(f"t{n}") for n in range(3)]
    assert timed.state() == plain.state()
    found = samples_of(page.render())
    assert found["luthier_driver_suggestion_seconds_count",] == 3
    assert math.isfinite(found["luthier_driver_suggestion_seconds_sum",])


@pytest.mark.parametrize("said", ["Off", "full", True])
def test_a_word_that_is_none_of_the_three_is_refused(said):
    with pytest.raises(ValueError, match="metrics"):
        a_spec().model_validate(a_spec().to_json() | {"driver": {"metrics": said}})

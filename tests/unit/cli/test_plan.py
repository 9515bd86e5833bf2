"""What a plan foretells is what the schedulers do, and what the operator's pods ask for."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.cli.demand import demand_of, quantity, quota_faults, room_on, size
from luthier.cli.plan import costs
from luthier.cli.stages import course_of
from luthier.operator.manifests.driver import driver_pod
from luthier.operator.manifests.worker import worker_pod
from luthier.operator.settings import Settings
from luthier.trial.schedulers.asha import AshaScheduler
from luthier.trial.schedulers.hyperband import HyperbandScheduler
from luthier.trial.schedulers.scheduler import Continue, Resume
from support.builders import a_double, a_spec
from support.operator_builders import IDENTITY, an_experiment
from unit.cli.test_commands import call, changed, manifest

__all__ = ["manifest"]


def stages(scheduler=None, trials=9, iterations=9):
    course = course_of(
        a_spec(a_double(), scheduler=scheduler, trials=trials, iterations=iterations, parallel=min(2, trials))
    )
    return [(stage.name, stage.trials, stage.first, stage.last) for stage in course.stages], course


def played_by_hyperband(trials, iterations, factor):
    """Return the iterations that all trials train, with the real scheduler."""
    scheduler, reached = HyperbandScheduler(reduction_factor=factor, iterations=iterations), {}
    names = [f"t{number}" for number in range(trials)]
    for name in names:
        scheduler.added(name, {})
    scheduler.closed()
    queue = list(names)
    while queue:
        name = queue.pop(0)
        while (reached.setdefault(name, 0)) < iterations:
            reached[name] += 1
            if reached[name] == iterations:
                scheduler.ended(name)
            elif scheduler.report(name, reached[name], float(name[1:]), waiting=0) != Continue():
                break
        queue += [order.trial for order in scheduler.orders() if isinstance(order, Resume)]
    return sum(reached.values())


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 60), st.integers(2, 81), st.integers(2, 4))
def test_hyperband_trains_as_many_iterations_as_were_foretold(trials, iterations, factor):
    _, course = stages({"hyperband": {"reductionFactor": factor}}, trials, iterations)
    played = played_by_hyperband(trials, iterations, factor)
    assert course.expected == pytest.approx(played)
    assert course.worst == pytest.approx(played)


def test_ashas_rungs_are_the_schedulers_own():
    for brackets in (1, 2, 5):
        block = {"gracePeriod": 2, "reductionFactor": 3, "brackets": brackets}
        found, _ = stages({"asha": block}, 30, 60)
        own = AshaScheduler(grace_period=2, reduction_factor=3, brackets=brackets, iterations=60, seed=0).brackets
        ends = [last for _, _, _, last in found]
        assert ends == [rung for rungs in own for rung in [*[r for r in rungs if r < 60], 60]]


def test_asha_keeps_a_third_at_each_rung_and_at_worst_all():
    found, course = stages({"asha": {"gracePeriod": 1, "reductionFactor": 3}})
    assert found == [("rung 1", 9, 0, 1), ("rung 3", 3, 1, 3), ("the end", 1, 3, 9)]
    assert (course.expected, course.worst) == (9 + 6 + 6, 81)


def test_a_population_lives_through_generations():
    found, course = stages({"pbt": {"perturbationInterval": 4}}, trials=4, iterations=10)
    assert [(name, first, last) for name, _, first, last in found] == [
        ("generation 1", 0, 4), ("generation 2", 4, 8), ("generation 3", 8, 10)
    ]  # fmt: skip
    assert course.expected == course.worst == 40


def test_without_an_end_of_trials_nothing_is_foretold():
    assert course_of(a_spec(a_double(), iterations=None)) is None


@pytest.mark.parametrize(
    ("budget", "gpu", "expected"),
    [
        pytest.param({}, 1.0, {"hours": 5.0, "gpuHours": 10.0}, id="two at a time"),
        pytest.param({"duration_seconds": 3600}, 1.0, {"hours": 1.0, "gpuHours": 2.0}, id="the time is short"),
        pytest.param({"gpu_hours": 4.0}, 2.0, {"hours": 1.0, "gpuHours": 4.0}, id="GPU-hours are short"),
        pytest.param({}, 0.0, {"hours": 5.0, "gpuHours": 0.0}, id="no GPU"),
    ],
)
def test_a_cost_is_within_what_the_budget_allows(budget, gpu, expected):
    spec = a_spec(a_double(), parallel=2)
    resources = spec.trial.resources.model_copy(update={"gpu": gpu})
    spec = spec.model_copy(
        update={
            "budget": spec.budget.model_copy(update=budget),
            "trial": spec.trial.model_copy(update={"resources": resources}),
        }
    )
    assert costs(spec, 3600, 10.0) == expected


@pytest.mark.parametrize(
    ("text", "value"), [("2", 2), ("1500m", 1.5), ("1Gi", 2**30), ("0.5Mi", 2**19), ("3k", 3000), ("1e3", 1000)]
)
def test_quantities_are_read_as_kubernetes_does(text, value):
    assert quantity(text) == pytest.approx(value)


def test_sizes_are_written_as_people_do():
    assert [size(value) for value in (512, 1536 * 2**20, 2**40)] == ["512", "1.5Gi", "1Ti"]


def a_demand(**more):
    spec = a_spec(a_double(), trials=6, parallel=4, **more)
    resources = spec.trial.resources.model_copy(update={"cpu": 2.0, "gpu": 0.5, "memory": "4Gi"})
    return demand_of(spec.model_copy(update={"trial": spec.trial.model_copy(update={"resources": resources})}))


def test_workers_ask_for_what_their_trials_take():
    packed = a_demand(workers={"trialsPerWorker": 2, "template": {"spec": {"nodeSelector": {"gpu": "h100"}}}})
    assert packed.workers == 2
    assert packed.worker == {"cpu": 4.0, "memory": 8 * 2**30, "nvidia.com/gpu": 1.0}
    assert packed.selector == {"gpu": "h100"}
    alone = a_demand(workers={"max": 0})
    assert (alone.workers, alone.worker, alone.driver["nvidia.com/gpu"]) == (0, {}, 2.0)


def a_quota(**hard):
    return {"metadata": {"name": "q"}, "status": {"hard": hard, "used": {"requests.nvidia.com/gpu": "2"}}}


def test_a_quota_that_is_too_small_is_named_with_what_is_left():
    quota = a_quota(**{"requests.nvidia.com/gpu": "4", "cpu": "100", "pods": "9"})
    assert quota_faults(a_demand(), [quota]) == [
        "quota q: 4 of requests.nvidia.com/gpu are needed at most and 2 are left"
    ]
    assert quota_faults(a_demand(), [a_quota(memory="1Ti", count="1")]) == []


def a_node(labels=None, unschedulable=False, **allocatable):
    return {
        "metadata": {"labels": labels or {}},
        "spec": {"unschedulable": unschedulable},
        "status": {"allocatable": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2", **allocatable}},
    }


def test_only_nodes_that_are_large_enough_open_and_chosen_count():
    pod = a_demand().worker
    nodes = [a_node(), a_node(cpu="1"), a_node(unschedulable=True), a_node({"gpu": "h100"}, memory="5Gi")]
    assert room_on(nodes, pod, {}) == (2, 3)
    assert room_on(nodes, pod, {"gpu": "h100"}) == (1, 1)
    assert room_on([], pod, {}) == (0, 0)


def test_a_plan_is_printed_and_given_to_programs(manifest):
    text = call("plan", manifest, "--offline", "--seconds", "90")
    assert "generation 10" in text
    assert "Iterations: 320 expected" in text
    assert "Cost, worst: 4 h 00 min" in text
    assert "Pods: a driver, and 2 workers with 1 core each" in text
    assert text.endswith("No cluster was asked whether it fits.\n")
    document = json.loads(call("plan", manifest, "--offline", "-o", "json"))
    assert document["iterations"] == {"expected": 320, "worst": 320}
    assert document["pods"]["workers"] == 2


def test_checkpoints_that_are_too_many_for_the_volume_are_said_and_fail(manifest):
    changed(manifest, storage={"size": "1Gi"})
    assert "29 checkpoints may take 2.832Gi" in call(
        "plan", manifest, "--offline", "--checkpoint-size", "100Mi", code=1
    )
    assert "is no Kubernetes quantity" in call("plan", manifest, "--offline", "--checkpoint-size", "much", code=2)


@pytest.mark.parametrize(
    "workers", [{}, {"trialsPerWorker": 3}, {"max": 0}], ids=["a pod a trial", "packed", "in the driver"]
)
def test_pods_ask_for_what_was_foretold(workers):
    experiment = an_experiment(
        trial={"function": "train:train", "resources": {"cpu": 0.4, "gpu": 0.5, "memory": "1500Mi"}},
        budget={"trials": 6, "parallelTrials": 3},
        workers=workers,
    )
    demand, settings = demand_of(experiment.spec), Settings(trial_image="example/trial:1")
    driver = driver_pod(IDENTITY, experiment, 1, 0, settings)
    assert requests_of(driver) == pytest.approx(dict(demand.driver))
    if demand.workers:
        assert requests_of(worker_pod(IDENTITY, experiment.spec, 1, 0, settings)) == pytest.approx(dict(demand.worker))


def requests_of(pod):
    resources = pod["spec"]["containers"][0]["resources"]
    asked = {**resources.get("requests", {}), **resources.get("limits", {})}
    return {name: quantity(str(value)) for name, value in asked.items()}

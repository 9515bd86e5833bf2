"""One experiment: how good, how far, what it cost, why it is stuck, and who learnt what from whom."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Annotation, Row, board, choice
from dashboards.panels import GREEN, RED, YELLOW, Column, Panel, Query, bars, graph, grid, number

OWN = 'namespace="$namespace", experiment="$experiment"'
PODS = '"(.+)-[0-9a-f]{5}-(?:worker|driver)-.+"'
"""Names of an experiment's pods."""


def own(name: str, more: str = "") -> str:
    """Return a selector of this experiment's series."""
    return f"{name}{{{OWN}{', ' if more else ''}{more}}}"


def of_gpus(name: str) -> str:
    """Return a series of the DCGM exporter for this experiment's GPUs.

    The exporter names the pod that holds a GPU `pod`, or `exported_pod` where it is scraped without `honorLabels`.
    """
    renamed = f'label_replace({name}, "namespace", "$1", "exported_namespace", "(.+)")'
    renamed = f'label_replace({renamed}, "pod", "$1", "exported_pod", "(.+)")'
    named = f'label_replace({renamed}, "experiment", "$1", "pod", {PODS})'
    this = f"max by (namespace, experiment) ({own('luthier_experiment_created_timestamp_seconds')} > bool 0)"
    return f"max by (namespace, experiment, pod, gpu) ({named}) * on (namespace, experiment) group_left {this}"


def experiment() -> Dashboard:
    """Return the dashboard of one experiment."""
    return board(
        "experiment",
        "One tuning experiment: how good, how far, what it cost, why it is stuck, who learnt what from whom.",
        (
            choice("namespace", "Namespace", "label_values(luthier_experiment_state, namespace)"),
            choice(
                "experiment",
                "Experiment",
                'label_values(luthier_experiment_state{namespace="$namespace"}, experiment)',
            ),
            choice("metric", "Metric", f"label_values({own('luthier_best_objective')}, metric)"),
            choice(
                "parameter",
                "Parameter",
                f"label_values({own('luthier_driver_trial_parameter')}, parameter)",
                takes_all=True,
            ),
        ),
        (
            Row("At a glance", _glance()),
            Row("Objective", _objective()),
            Row("Rungs", _rungs()),
            Row("Population", _population()),
            Row("Hyperparameters", (_schedules(),)),
            Row("Failures, checkpoints, search", _work()),
            Row("Workers and GPUs", _machines()),
        ),
        _annotations(),
    )


def _glance() -> tuple[Panel, ...]:
    wasted = f"sum(max by (cause) ({own('luthier_trial_seconds_wasted_total')}))"
    failed = own("luthier_trials", 'state="failed"')
    age = f"time() - max({own('luthier_last_improvement_timestamp_seconds')})"
    return (
        number(
            "State",
            "In one word; when stalled, the reason follows in the failures' row.",
            Query(f"max by (state) ({own('luthier_experiment_state')}) == 1", "{{state}}"),
            is_name=True,
            width=3,
        ),
        number(
            "Best",
            "Best value of the primary objective.",
            Query(f"max by (metric) ({own('luthier_best_objective')})", "{{metric}}"),
            width=3,
        ),
        number(
            "Progress",
            "Part of the budget's trials, or of their iterations, that is done.",
            Query(f"max({own('luthier_progress_ratio')})"),
            unit="percentunit",
            width=3,
        ),
        number("ETA", "Time left, by the pace so far.", Query(f"max({own('luthier_eta_seconds')})"), unit="s", width=3),
        number("Last improvement", "Time since the best value was found.", Query(age), unit="s", width=3, decimals=0),
        number(
            "GPU-hours",
            "GPU-hours that its trials have held.",
            Query(f"max({own('luthier_gpu_seconds_total')}) / 3600"),
            width=3,
            decimals=2,
        ),
        number(
            "Wasted",
            "Part of the slots' time that was stopped early, failed, or lost with a pod.",
            Query(f"{wasted} / (max({own('luthier_trial_seconds_total')}) > 0)"),
            unit="percentunit",
            limits=(0.5, 0.8),
            width=3,
        ),
        number(
            "Failed trials",
            "Trials that ended with an error.",
            Query(f"max({failed})"),
            limits=(1, 5),
            width=3,
        ),
    )


def _objective() -> tuple[Panel, ...]:
    best = own("luthier_best_objective", 'metric="$metric"')
    trials = own("luthier_driver_trial_metric", 'metric="$metric"')
    return (
        graph(
            "$metric",
            "The best so far, and each trial's last value where `spec.driver.metrics` is Full.",
            Query(f"max by (metric) ({best})", "best so far"),
            Query(f"max by (trial) ({trials})", "{{trial}}"),
            width=16,
            is_dotted=True,
            is_first_bold=True,
        ),
        graph(
            "Trials by state",
            "All trials that the budget asks for and that have begun.",
            Query(f"max by (state) ({own('luthier_trials')})", "{{state}}"),
            width=8,
            is_stacked=True,
        ),
    )


def _rungs() -> tuple[Panel, ...]:
    return (
        bars(
            "Promoted at each rung",
            "Trials that went on beyond a rung, by its iterations.",
            Query(f"sort_desc(max by (rung) ({own('luthier_rung_promotions_total')}))", "{{rung}} iterations"),
        ),
        bars(
            "Stopped at each rung",
            "Trials that a rung stopped, by its iterations.",
            Query(f"sort_desc(max by (rung) ({own('luthier_rung_stops_total')}))", "{{rung}} iterations"),
        ),
        graph(
            "Iterations",
            "Iterations that each trial has reported, where `spec.driver.metrics` is Full.",
            Query(f"max by (trial) ({own('luthier_driver_trial_iteration')})", "{{trial}}"),
            width=8,
            is_dotted=True,
        ),
    )


def _population() -> tuple[Panel, ...]:
    return (
        graph(
            "Population",
            "Copies of a winner's weights, changes of hyperparameters, and generations of the slowest member.",
            Query(f"max({own('luthier_exploits_total')})", "exploits"),
            Query(f"max({own('luthier_explores_total')})", "explores"),
            Query(f"max({own('luthier_driver_generation')})", "generation"),
            width=12,
        ),
        grid(
            "Choices",
            "Each trial's categorical parameters, where `spec.driver.metrics` is Full.",
            Column(
                "Is", f"max by (trial, parameter, value) ({own('luthier_driver_trial_choice_info')})", "bool_yes_no"
            ),
            labels={"trial": "Trial", "parameter": "Parameter", "value": "Value"},
            hidden=("Is",),
            width=12,
        ),
    )


def _schedules() -> Panel:
    chosen = own("luthier_driver_trial_parameter", 'parameter=~"$parameter"')
    panel = graph(
        "$parameter",
        "Each trial's value: in population based training, its schedule. Where `spec.driver.metrics` is Full.",
        Query(f"max by (trial, parameter) ({chosen})", "{{trial}}"),
        width=24,
        is_dotted=True,
    )
    return panel.repeat("parameter").repeat_direction("h")


def _work() -> tuple[Panel, ...]:
    def each(name: str) -> str:
        whole, count = (f"max({own(f'luthier_checkpoint{part}_total')})" for part in (name, "s"))
        return f"{whole} / ({count} > 0)"

    failures = own("luthier_experiment_failures_total")
    suggestions = f"sum by (le) (rate({own('luthier_driver_suggestion_seconds_bucket')}[5m]))"
    return (
        bars(
            "Bad ends by cause",
            "Runs and worker pods that ended badly, by class of failure; and drivers that were lost.",
            Query(f"max by (cause) ({failures})", "{{cause}}"),
            Query(f"max({own('luthier_driver_restarts_total')})", "driver restarts"),
            width=6,
        ),
        bars(
            "Retries and stalls",
            "Runs that were tried again by what they ended of, and what stands in the way now.",
            Query(f"max by (cause) ({own('luthier_retries_total')})", "retried: {{cause}}"),
            Query(f"max by (reason) ({own('luthier_experiment_stalled')})", "stalled: {{reason}}"),
            width=6,
        ),
        graph(
            "Checkpoints",
            "Checkpoints that were saved, and those that failed or were bad.",
            Query(f"max({own('luthier_checkpoints_total')})", "saved"),
            Query(f"max({own('luthier_checkpoint_failures_total')})", "failed"),
            width=4,
        ),
        graph(
            "Seconds a checkpoint",
            "Time to copy, hash and sync a checkpoint to the storage, on average so far.",
            Query(each("_seconds"), "seconds"),
            unit="s",
            width=4,
        ),
        graph(
            "The searcher's time",
            "Seconds that the search algorithm takes for a proposal.",
            *(Query(f"histogram_quantile({q}, {suggestions})", f"p{q * 100:g}") for q in (0.5, 0.99)),
            unit="s",
            width=4,
        ),
        number(
            "Bytes a checkpoint",
            "Size of a checkpoint, on average so far.",
            Query(each("_bytes")),
            unit="decbytes",
            width=8,
        ),
        number(
            "Trials without series",
            "Trials beyond the hundred that the driver shows.",
            Query(f"max({own('luthier_driver_trials_not_shown')})"),
            width=8,
        ),
        number(
            "Driver's attempt",
            "Drivers that this experiment has had: each suspension and each loss makes one more.",
            Query(f"max({own('luthier_driver_attempt')})"),
            width=8,
        ),
    )


def _machines() -> tuple[Panel, ...]:
    ray = own("luthier_driver_ray_resources")
    return (
        graph(
            "Workers",
            "Worker pods that the trials would fill, and those that run.",
            Query(f"max by (state) ({own('luthier_workers')})", "{{state}}"),
            width=6,
        ),
        graph(
            "Ray's resources",
            "CPU cores and GPUs that Ray has and that trials hold.",
            Query(f"max by (resource, kind) ({ray})", "{{resource}} {{kind}}"),
            width=6,
        ),
        graph(
            "GPU utilisation",
            "Percent of the time in which a kernel ran, by pod and GPU; from NVIDIA's DCGM exporter, where it is.",
            Query(of_gpus("DCGM_FI_DEV_GPU_UTIL"), "{{pod}} {{gpu}}"),
            unit="percent",
            width=6,
            most=100,
        ),
        graph(
            "GPU memory",
            "Memory in use, by pod and GPU; from NVIDIA's DCGM exporter, where it is.",
            Query(of_gpus("DCGM_FI_DEV_FB_USED"), "{{pod}} {{gpu}}"),
            unit="mbytes",
            width=6,
        ),
        bars(
            "Budgets",
            "Part of each budget that is used.",
            Query(f"max by (budget) ({own('luthier_budget_used_ratio')})", "{{budget}}"),
            unit="percentunit",
            limits=(0.75, 0.9),
            most=1,
            width=12,
        ),
        bars(
            "Wasted time by cause",
            "Seconds of slots, and of GPUs, that were stopped early, failed, or lost with a pod.",
            Query(f"max by (cause) ({own('luthier_trial_seconds_wasted_total')})", "slots: {{cause}}"),
            Query(f"max by (cause) ({own('luthier_gpu_seconds_wasted_total')})", "GPUs: {{cause}}"),
            unit="s",
            width=12,
        ),
    )


def _annotations() -> tuple[Annotation, ...]:
    return (
        Annotation("State", f"max by (state) ({own('luthier_experiment_state')}) == 1", "{{state}}", "blue"),
        Annotation(
            "New best", f"changes({own('luthier_last_improvement_timestamp_seconds')}[30s]) > 0", "new best", GREEN
        ),
        Annotation("Exploit", f"increase({own('luthier_exploits_total')}[30s]) > 0", "exploit", YELLOW),
        Annotation(
            "Stalled", f"max by (reason) ({own('luthier_experiment_stalled')}) == 1", "stalled: {{reason}}", RED
        ),
        Annotation("Driver lost", f"increase({own('luthier_driver_restarts_total')}[1m]) > 0", "driver lost", RED),
    )

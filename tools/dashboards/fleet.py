"""All experiments: what runs, what it costs, what is lost, what fails, what waits."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Row, board, choice
from dashboards.panels import Column, Panel, Query, bars, graph, grid, number

EACH = "by (namespace, experiment)"
TO_EXPERIMENT = (
    "/d/luthier-experiment?var-datasource=${datasource}"
    "&var-namespace=${__data.fields.Namespace}&var-experiment=${__value.text}"
)
SHOWN = 20
"""Experiments in a graph with a line for each; the largest."""


def of(name: str, more: str = "") -> str:
    """Return a selector of the chosen namespaces' experiments."""
    return f'{name}{{namespace=~"$namespace"{", " if more else ""}{more}}}'


def fleet() -> Dashboard:
    """Return the dashboard of all experiments."""
    return board(
        "fleet",
        "All tuning experiments: how they do, what they cost, what is lost, what fails, what waits.",
        (choice("namespace", "Namespace", "label_values(luthier_experiment_state, namespace)", takes_all=True),),
        (
            Row("Now", (*_counts(), _table())),
            Row("Cost and waste", _cost()),
            Row("Failures", _failures()),
            Row("Queue and workers", _queue()),
        ),
        span="now-24h",
    )


def _in_state(pattern: str) -> str:
    states = of("luthier_experiment_state", f'state=~"{pattern}"')
    return f"count(max by (namespace, experiment) ({states}) == 1) or vector(0)"


def _counts() -> tuple[Panel, ...]:
    gpu_seconds = f"max {EACH} ({of('luthier_gpu_seconds_total')})"
    wasted = f"sum(max by (namespace, experiment, cause) ({of('luthier_trial_seconds_wasted_total')}))"
    used = f"sum(max {EACH} ({of('luthier_trial_seconds_total')}))"
    return (
        number("Running", "Experiments whose search runs.", Query(_in_state("Running"))),
        number("Pending", "Experiments that have not begun.", Query(_in_state("Pending"))),
        number(
            "Stalled", "Experiments that something stands in the way of.", Query(_in_state("Stalled")), limits=(1, 5)
        ),
        number("Failed", "Failed or rejected.", Query(_in_state("Failed|Rejected")), limits=(1, 10)),
        number(
            "GPU-hours",
            "GPU-hours that all trials of the experiments that exist have held.",
            Query(f"sum({gpu_seconds}) / 3600"),
            decimals=1,
        ),
        number(
            "Wasted",
            "Part of the trials' slot-seconds that was stopped early, failed, or lost with a pod.",
            Query(f"({wasted}) / ({used} > 0)"),
            unit="percentunit",
            limits=(0.3, 0.6),
        ),
    )


def _table() -> Panel:
    wasted = f"sum {EACH} (max by (namespace, experiment, cause) ({of('luthier_trial_seconds_wasted_total')}))"
    used = f"(max {EACH} ({of('luthier_trial_seconds_total')}) > 0)"
    best = f"max by (namespace, experiment, metric, direction) ({of('luthier_best_objective')})"
    return grid(
        "Experiments",
        "One line each; a name leads to the experiment's own dashboard.",
        Column(
            "Alive", f"max by (namespace, experiment, state) ({of('luthier_experiment_state')}) == 1", "bool_yes_no"
        ),
        Column("Progress", f"max {EACH} ({of('luthier_progress_ratio')})", "percentunit"),
        Column("Best", best, "short"),
        Column("ETA", f"max {EACH} ({of('luthier_eta_seconds')})", "dtdurations"),
        Column("GPU-hours", f"max {EACH} ({of('luthier_gpu_seconds_total')}) / 3600", "short"),
        Column("Wasted", f"{wasted} / {used}", "percentunit"),
        Column("Last result", f"time() - max {EACH} ({of('luthier_last_result_timestamp_seconds')})", "dtdurations"),
        labels={
            "namespace": "Namespace",
            "experiment": "Experiment",
            "state": "State",
            "metric": "Metric",
            "direction": "Direction",
        },
        hidden=("Alive",),
        link=("Experiment", TO_EXPERIMENT),
    )


def _cost() -> tuple[Panel, ...]:
    gpus = f"sum {EACH} (rate({of('luthier_gpu_seconds_total')}[$__rate_interval]))"
    slots = f"sum {EACH} (rate({of('luthier_trial_seconds_total')}[$__rate_interval]))"
    name = "{{namespace}}/{{experiment}}"
    wasted_gpu = f"sum by (cause) (max by (namespace, experiment, cause) ({of('luthier_gpu_seconds_wasted_total')}))"
    wasted = f"sum by (cause) (max by (namespace, experiment, cause) ({of('luthier_trial_seconds_wasted_total')}))"
    budgets = f"max by (namespace, experiment, budget) ({of('luthier_budget_used_ratio')})"
    states = of("luthier_experiment_state", 'state=~"Running|Stalled"')
    running = f"max {EACH} ({states} == 1)"
    return (
        graph(
            "GPUs held",
            "GPUs that trials hold.",
            Query(f"topk({SHOWN}, {gpus})", name),
            is_stacked=True,
        ),
        graph(
            "Slots held",
            "Trials that run.",
            Query(f"topk({SHOWN}, {slots})", name),
            is_stacked=True,
        ),
        bars(
            "Wasted GPU-time by cause",
            "GPU-seconds that were stopped early (what a scheduler is for), failed, or lost with a pod.",
            Query(wasted_gpu, "{{cause}}"),
            unit="s",
        ),
        bars(
            "Wasted trial-time by cause",
            "The same for slots, so that experiments without GPUs show it, too.",
            Query(wasted, "{{cause}}"),
            unit="s",
        ),
        bars(
            "Budgets",
            "Part of each budget that is used; only experiments that have not ended.",
            Query(
                f"topk({SHOWN}, {budgets} * on (namespace, experiment) group_left {running})",
                "{{namespace}}/{{experiment}} {{budget}}",
            ),
            unit="percentunit",
            limits=(0.75, 0.9),
            most=1,
        ),
    )


def _failures() -> tuple[Panel, ...]:
    def so_far(name: str) -> str:
        return f"sum by (cause) (max by (namespace, experiment, cause) ({of(name)}))"

    stalled = f"max by (namespace, experiment, reason) ({of('luthier_experiment_stalled')}) == 1"
    return (
        graph(
            "Bad ends by cause",
            "Runs and worker pods of the experiments that exist that ended badly so far, by class of failure.",
            Query(so_far("luthier_experiment_failures_total"), "{{cause}}"),
            is_stacked=True,
            width=8,
        ),
        graph(
            "Retries by cause",
            "Runs that were tried again so far, by what they ended of.",
            Query(so_far("luthier_retries_total"), "{{cause}}"),
            is_stacked=True,
            width=8,
        ),
        grid(
            "What stalls",
            "What stands in the way of whom.",
            Column("Since", stalled, "bool_yes_no"),
            labels={"namespace": "Namespace", "experiment": "Experiment", "reason": "Reason"},
            hidden=("Since",),
            link=("Experiment", TO_EXPERIMENT),
            width=8,
        ),
    )


def _queue() -> tuple[Panel, ...]:
    def quantile(part: float, name: str) -> str:
        return f"histogram_quantile({part}, sum by (le) (rate({name}_bucket[1h])))"

    def quantiles(name: str) -> tuple[Query, ...]:
        return tuple(Query(quantile(part, name), f"p{part * 100:g}") for part in (0.5, 0.9, 0.99))

    workers = f"sum by (state) (max by (namespace, experiment, state) ({of('luthier_workers')}))"
    return (
        graph(
            "Wait for a place",
            "From the creation of an experiment to its running driver, over the last hour. All namespaces.",
            *quantiles("luthier_queue_wait_seconds"),
            unit="s",
            width=8,
        ),
        graph(
            "Wait for the first result",
            "From the creation of a driver to its first result, over the last hour. All namespaces.",
            *quantiles("luthier_startup_seconds"),
            unit="s",
            width=8,
        ),
        graph(
            "Workers",
            "Worker pods that the trials would fill, and those that run.",
            Query(workers, "{{state}}"),
            width=8,
        ),
    )

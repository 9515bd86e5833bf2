"""The operator itself: does it lead, does it work, how fast, what does it ask of the API server."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Row, board, choice
from dashboards.panels import Panel, Query, graph, number


def own(name: str) -> str:
    """Return a selector of the operators' own series: those of the namespace that they run in."""
    return f'{name}{{namespace=~"$namespace"}}'


def operators(name: str) -> str:
    """Return a series that every program has, of the pods that are operators."""
    return f"{own(name)} and on (namespace, pod) {own('luthier_operator_leader')}"


def health() -> Dashboard:
    """Return the dashboard of the operator."""
    return board(
        "operator",
        "Luthier's operator: does it lead, does it work, how fast, what does it ask of the API server.",
        (
            choice(
                "namespace", "Operator's namespace", "label_values(luthier_operator_leader, namespace)", takes_all=True
            ),
        ),
        (Row("Now", _now()), Row("Rounds", _rounds()), Row("API server and process", _process())),
    )


def _now() -> tuple[Panel, ...]:
    return (
        number(
            "Leaders",
            "Operators that lead; there has to be one.",
            Query(f"sum({own('luthier_operator_leader')})"),
        ),
        number(
            "Leader",
            "The pod that leads.",
            Query(f"max by (pod) ({own('luthier_operator_leader')}) == 1", "{{pod}}"),
            is_name=True,
        ),
        number(
            "Version",
            "What runs.",
            Query(f"max by (version) ({own('luthier_build_info')})", "{{version}}"),
            is_name=True,
        ),
        number(
            "Experiments", "Experiments that it knows, ended ones too.", Query(f"sum({own('luthier_experiments')})")
        ),
        number(
            "Last round",
            "Time since a round ended. An experiment that has not ended gets one every 15 seconds.",
            Query(f"time() - max({own('luthier_last_reconcile_timestamp_seconds')})"),
            unit="s",
            decimals=0,
            limits=(60, 300),
        ),
        number(
            "Memory now",
            "Resident memory of the largest operator.",
            Query(f"max({operators('process_resident_memory_bytes')})"),
            unit="bytes",
        ),
    )


def _quantiles(name: str) -> tuple[Query, ...]:
    rates = f"sum by (le) (rate({own(f'{name}_bucket')}[$__rate_interval]))"
    return tuple(Query(f"histogram_quantile({q}, {rates})", f"p{q * 100:g}") for q in (0.5, 0.9, 0.99))


def _rounds() -> tuple[Panel, ...]:
    errors = f"sum by (reason) (rate({own('luthier_reconcile_errors_total')}[$__rate_interval]))"
    return (
        graph(
            "Rounds",
            "Rounds a second.",
            Query(f"sum(rate({own('luthier_reconcile_duration_seconds_count')}[$__rate_interval]))", "rounds"),
            unit="reqps",
            width=6,
        ),
        graph(
            "Duration",
            "Time that a round takes.",
            *_quantiles("luthier_reconcile_duration_seconds"),
            unit="s",
            width=6,
        ),
        graph(
            "Lag",
            "Time from a round being due to its begin: more than a second means that the operator has too much to do.",
            *_quantiles("luthier_reconcile_lag_seconds"),
            unit="s",
            width=6,
        ),
        graph(
            "Errors by reason",
            "Rounds that ended in an error, a second. They are tried again, later each time.",
            Query(f"{errors} or vector(0)", "{{reason}}"),
            unit="reqps",
            width=6,
        ),
    )


def _process() -> tuple[Panel, ...]:
    def requests(label: str) -> str:
        return f"sum by ({label}) (rate({own('luthier_api_requests_total')}[$__rate_interval]))"

    return (
        graph(
            "Requests by verb", "Requests to the API server, a second.", Query(requests("verb"), "{{verb}}"), width=6
        ),
        graph(
            "Answers by code",
            "Its answers; 429 asks the operator to wait, 409 is a name that was taken or an older version.",
            Query(requests("code"), "{{code}}"),
            width=6,
        ),
        graph(
            "Memory",
            "Resident memory of each operator.",
            Query(operators("process_resident_memory_bytes"), "{{pod}}"),
            unit="bytes",
            width=6,
        ),
        graph(
            "CPU",
            "Cores that each operator uses.",
            Query(
                f"rate({own('process_cpu_seconds_total')}[$__rate_interval])"
                f" and on (namespace, pod) {own('luthier_operator_leader')}",
                "{{pod}}",
            ),
            width=6,
        ),
    )

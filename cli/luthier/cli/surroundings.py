"""What the cluster says of an experiment's pods, and of it and them in events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes import client

from luthier.api import keys
from luthier.cli.cluster import Experiments
from luthier.cli.errors import Refusal
from luthier.cli.refusals import asking

Json = dict[str, Any]

REQUEST_SECONDS = (5, 20)


def pods_of(experiments: Experiments, uid: str) -> list[Json]:
    """Return an experiment's pods; none where they may not be seen, for there is more to say than that.

    Raises:
        Refusal: no answer.
    """
    found = _visible(
        lambda: experiments.core.list_namespaced_pod(
            experiments.namespace, label_selector=f"{keys.LABEL_UID}={uid}", _request_timeout=REQUEST_SECONDS
        )
    )
    return found or []


def events_about(experiments: Experiments, uids: set[str]) -> list[Json]:
    """Return the namespace's events about these objects; none where they may not be seen.

    Raises:
        Refusal: no answer.
    """
    events = _visible(
        lambda: experiments.core.list_namespaced_event(experiments.namespace, _request_timeout=REQUEST_SECONDS)
    )
    return [event for event in events or [] if (event.get("involvedObject") or {}).get("uid") in uids]


def quotas_of(experiments: Experiments) -> list[Json] | None:
    """Return the namespace's quotas; None where they may not be seen.

    Raises:
        Refusal: no answer.
    """
    return _visible(
        lambda: experiments.core.list_namespaced_resource_quota(experiments.namespace, _request_timeout=REQUEST_SECONDS)
    )


def nodes_of(experiments: Experiments) -> list[Json] | None:
    """Return the cluster's nodes; None where they may not be seen.

    Raises:
        Refusal: no answer.
    """
    return _visible(lambda: experiments.core.list_node(_request_timeout=REQUEST_SECONDS))


def _visible(ask: Callable[[], Any]) -> list[Json] | None:
    try:
        with asking("look around", "list pods and events"):
            found = ask()
    except Refusal as refusal:
        if isinstance(refusal.__cause__, client.ApiException) and refusal.__cause__.status == 403:
            return None
        raise
    plain: list[Json] = client.ApiClient().sanitize_for_serialization(found.items)
    return plain

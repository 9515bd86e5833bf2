"""The API server's answers, turned into sentences with what to do next."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import urllib3.exceptions
from kubernetes import client

from luthier.cli.errors import Refusal


@contextlib.contextmanager
def asking(what: str, right: str, missing: Callable[[], Refusal] | None = None) -> Iterator[None]:
    """Turn what goes wrong while the API server is asked into a refusal.

    Args:
        what: is asked for, as it stands in "The cluster refuses to ...".
        right: that it takes, as it stands in "Ask for the right to ...".
        missing: what to say where there is nothing like that.
    """
    try:
        yield
    except client.ApiException as error:
        if error.status in (401, 403):
            raise Refusal(
                f"The cluster refuses to {what}: {message_of(error)}", hint=f"Ask for the right to {right}."
            ) from error
        if error.status == 404 and missing is not None:
            raise missing() from error
        raise Refusal(f"The cluster can't {what}: {message_of(error)}", hint="`kubectl describe` may tell more.") from (
            error
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise unreachable(error) from error


def unknown_kind() -> Refusal:
    """Return what to say where the definition is not installed."""
    return Refusal(
        "The cluster does not know TuningExperiments.", hint="Install the chart: helm install luthier helm/luthier"
    )


def unreachable(error: Exception) -> Refusal:
    """Return what to say where nothing answers."""
    return Refusal(
        f"The cluster does not answer: {_reason(error)}",
        hint="Check `kubectl cluster-info`. Without a cluster: luthier run FILE",
    )


def may_pass(refusal: Refusal) -> bool:
    """Tell whether the same question may have an answer in a moment: it was lost on the way, or the server is ill."""
    cause = refusal.__cause__
    if isinstance(cause, client.ApiException):
        return cause.status not in (400, 401, 403, 404)
    return isinstance(cause, urllib3.exceptions.HTTPError | OSError)


def has_no_log(refusal: Refusal) -> bool:
    """Tell whether a pod's log was asked for that is not there: the pod is gone, or its container has not begun."""
    cause = refusal.__cause__
    return isinstance(cause, client.ApiException) and cause.status in (400, 404)


def said(error: client.ApiException) -> dict[str, Any]:
    """Return the API server's own answer; empty where it was none."""
    with contextlib.suppress(ValueError, TypeError):
        body = json.loads(error.body)
        if isinstance(body, dict):
            return body
    return {}


def message_of(error: client.ApiException) -> str:
    """Return the API server's own sentence."""
    return str(said(error).get("message") or error.reason)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error).split(": ", 1)[-1]

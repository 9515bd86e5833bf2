"""Reading and following one TuningExperiment in a cluster, through any number of lost connections."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3.exceptions
from kubernetes import client, config, watch

from luthier.api.keys import GROUP, PLURAL, VERSION
from luthier.cli.errors import Exit, Refusal
from luthier.cli.refusals import asking, message_of, said, unknown_kind, unreachable

WATCH_SECONDS = 10
"""One round of watching; after each the caller gets a turn."""
CONNECT_SECONDS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DNS_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
LONGEST_NAME = 253
LOST = (client.ApiException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""What a connection may end with; ValueError where a line of the stream was cut."""


class Experiments:
    """The TuningExperiments of one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.namespace = namespace
        self.client = api
        self.core = client.CoreV1Api(api)
        self._api = client.CustomObjectsApi(api)
        self._sleep = sleep

    def read(self, name: str) -> dict[str, Any]:
        """Return one experiment as the API server has it.

        Raises:
            Refusal: no such experiment, no right to see it, or no answer.
        """
        _checked(name, "experiment")
        try:
            return self._get(name)
        except client.ApiException as error:
            raise self._refusal(name, error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(error) from error

    def list(self, *, everywhere: bool = False) -> list[dict[str, Any]]:
        """Return the experiments of the namespace, or of all.

        Raises:
            Refusal: no right to see them, or no answer.
        """
        place = "all namespaces" if everywhere else f"namespace {self.namespace}"
        with asking(f"list the experiments of {place}", "list tuningexperiments", missing=unknown_kind):
            timeout = {"_request_timeout": (CONNECT_SECONDS, 4 * CONNECT_SECONDS)}
            if everywhere:
                found = self._api.list_cluster_custom_object(GROUP, VERSION, PLURAL, **timeout)
            else:
                found = self._api.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, **timeout)
        items: list[dict[str, Any]] = found["items"]
        return items

    def patch(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Change fields of an experiment's spec (a merge patch); return the experiment as it is now.

        Raises:
            Refusal: no such experiment, no right to change it, a rule that it would break, or no answer.
        """
        _checked(name, "experiment")
        with asking(f"change {name}", "patch tuningexperiments"):
            obj: dict[str, Any] = self._api.patch_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, name, {"spec": spec}, field_validation="Strict"
            )
        return obj

    def follow(self, name: str) -> Iterator[dict[str, Any] | None]:
        """Yield an experiment now and after each change, and None while the connection is lost.

        Something is yielded at least every 10 seconds or so, so that a caller can keep an eye on the time.

        Raises:
            Refusal: as for `read`, or the experiment was deleted.
        """
        seen = self.read(name)
        pause = FIRST_PAUSE_SECONDS
        while True:
            yield seen
            try:
                for change in self._changes(seen):
                    pause = FIRST_PAUSE_SECONDS
                    yield change
                self._sleep(FIRST_PAUSE_SECONDS)
                seen = self._get(name)
            except LOST as error:
                if isinstance(error, client.ApiException) and error.status in (401, 403, 404):
                    raise self._gone_or_refused(name, error) from error
                yield None
                self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                with contextlib.suppress(*LOST):
                    seen = self._get(name)

    def _get(self, name: str) -> dict[str, Any]:
        obj: dict[str, Any] = self._api.get_namespaced_custom_object(
            GROUP, VERSION, self.namespace, PLURAL, name, _request_timeout=(CONNECT_SECONDS, 2 * CONNECT_SECONDS)
        )
        return obj

    def _changes(self, since: dict[str, Any]) -> Iterator[dict[str, Any]]:
        metadata = since["metadata"]
        events = watch.Watch().stream(
            self._api.list_namespaced_custom_object,
            GROUP,
            VERSION,
            self.namespace,
            PLURAL,
            field_selector=f"metadata.name={metadata['name']}",
            resource_version=metadata["resourceVersion"],
            timeout_seconds=WATCH_SECONDS,
            _request_timeout=(CONNECT_SECONDS, 2 * WATCH_SECONDS),
        )
        for event in events:
            if event["type"] == "DELETED":
                raise Refusal(f"{metadata['name']} was deleted while it was watched.", code=Exit.FAILED)
            if event["type"] in ("ADDED", "MODIFIED"):
                yield event["object"]

    def _gone_or_refused(self, name: str, error: client.ApiException) -> Refusal:
        if error.status == 404:
            return Refusal(f"{name} was deleted while it was watched.", code=Exit.FAILED)
        return self._refusal(name, error)

    def _refusal(self, name: str, error: client.ApiException) -> Refusal:
        answer = said(error)
        if error.status == 404 and answer.get("details", {}).get("name") == name:
            return Refusal(
                f"There is no TuningExperiment {name} in namespace {self.namespace}.",
                hint="See `kubectl get tx -A`; name another namespace with -n.",
            )
        if error.status == 404:
            return unknown_kind()
        message = message_of(error)
        if error.status in (401, 403):
            return Refusal(
                f"The cluster refuses: {message}", hint="Ask for the right to get, list and watch tuningexperiments."
            )
        return Refusal(
            f"The cluster answers with an error: {message}", hint="Try again; `kubectl cluster-info` may tell more."
        )


def connect(namespace: str | None) -> Experiments:
    """Return the experiments of a namespace; by default that of kubectl's current context.

    Raises:
        Refusal: no cluster is configured.
    """
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    settings = client.Configuration()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it tries
            config.load_config(client_configuration=settings, **_kubeconfig())
        return Experiments(client.ApiClient(settings), _checked(namespace or _default_namespace(), "namespace"))
    except Refusal:
        raise
    except Exception as error:  # whatever the library stumbles over in a broken kubeconfig
        raise _no_cluster(error) from error


def _no_cluster(error: Exception) -> Refusal:
    path = os.environ.get("KUBECONFIG")
    if not path and isinstance(error, config.ConfigException):
        return Refusal("No cluster is configured.", hint="Set KUBECONFIG. Without a cluster: luthier run FILE")
    why = " ".join(str(error).split()) or type(error).__name__
    return Refusal(
        f"The kubeconfig{f' {path}' if path else ''} can't be used: {why[:300]}",
        hint="Check `kubectl config view`. Without a cluster: luthier run FILE",
    )


def _checked(name: str, what: str) -> str:
    """Return a name that can be one; others would lead somewhere else in the API server's paths.

    Raises:
        Refusal: it can't.
    """
    if len(name) > LONGEST_NAME or not re.fullmatch(DNS_NAME, name):
        raise Refusal(
            f"{name!r} can't be the name of a{'n' if what[0] in 'aeiou' else ''} {what}: "
            f"at most {LONGEST_NAME} lowercase letters, digits, - and ."
        )
    return name


def _kubeconfig() -> dict[str, str]:
    """Return where KUBECONFIG points to now; the client library looked when it was imported."""
    path = os.environ.get("KUBECONFIG")
    return {"config_file": path} if path else {}


def _default_namespace() -> str:
    with contextlib.suppress(config.ConfigException):
        _, current = config.list_kube_config_contexts(**_kubeconfig())
        return current["context"].get("namespace") or "default"
    with contextlib.suppress(OSError):
        return IN_CLUSTER_NAMESPACE.read_text().strip()
    return "default"

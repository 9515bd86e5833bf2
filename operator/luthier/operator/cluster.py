"""The API server as the operator uses it: plain dictionaries in and out, errors as a small tree.

Only the client's transport is used, not its thousand models: they would cost more memory
than everything else here together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from luthier.api import keys
from luthier.operator.errors import NotFoundError, NotLeadingError, UnavailableError, from_answer

TIMEOUT_SECONDS = 30
MERGE_PATCH = "application/merge-patch+json"
EXPERIMENTS = f"/apis/{keys.GROUP}/{keys.VERSION}/namespaces/{{}}/{keys.PLURAL}"
COLLECTIONS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Event": "/api/v1/namespaces/{}/events",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    keys.KIND: EXPERIMENTS,
}

Json = dict[str, Any]
OnRequest = Callable[[str, str], None]
"""Told of every request: its verb, and its status code, `error`, or `withheld` where the gate was shut."""
Gate = Callable[[], None]
"""Asked before each write; raises NotLeadingError to hold it back."""


async def connect(holder: str) -> ApiClient:
    """Return the transport, as the pod's service account or else as KUBECONFIG says; audit logs show the holder."""
    configuration = Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        load_incluster_config(configuration)
    else:
        await load_kube_config(client_configuration=configuration)
    client = ApiClient(configuration)
    client.user_agent = f"luthier-operator/{holder}"
    return client


class Cluster:
    """Reads and writes objects; every failure is a `ClusterError`, and every write passes the gate."""

    def __init__(
        self, client: ApiClient, on_request: OnRequest, gate: Gate, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._client = client
        self._on_request = on_request
        self._gate = gate
        self._timeout_seconds = timeout_seconds

    async def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """Return an object, or None if it is not there."""
        try:
            return await self._call("GET", f"{COLLECTIONS[kind].format(namespace)}/{name}")
        except NotFoundError:
            return None

    async def create(self, manifest: Json) -> Json:
        """Create an object in its namespace and return it as stored."""
        path = COLLECTIONS[manifest["kind"]].format(manifest["metadata"]["namespace"])
        return await self._call("POST", path, manifest)

    async def replace(self, manifest: Json) -> Json:
        """Replace an object if it still has the manifest's resource version and return it as stored."""
        path = COLLECTIONS[manifest["kind"]].format(manifest["metadata"]["namespace"])
        return await self._call("PUT", f"{path}/{manifest['metadata']['name']}", manifest)

    async def delete(self, kind: str, namespace: str, name: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """Delete an object if it still has this uid; that it is gone already is no error."""
        options: Json = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            await self._call("DELETE", f"{COLLECTIONS[kind].format(namespace)}/{name}", options)
        except NotFoundError:
            return

    async def patch_status(self, namespace: str, name: str, patch: Json) -> Json:
        """Merge a patch into an experiment's status subresource and return the experiment as stored."""
        path = f"{EXPERIMENTS.format(namespace)}/{name}/status?fieldManager={keys.MANAGED_BY}"
        return await self._call("PATCH", path, patch)

    async def read_experiment(self, namespace: str, name: str) -> Json | None:
        """Return an experiment as it is now, or None if it is not there; asks for no right but to list."""
        selector = urlencode({"fieldSelector": f"metadata.name={name}"})
        listed = await self._call("GET", f"{EXPERIMENTS.format(namespace)}?{selector}")
        return next(iter(listed["items"]), None)

    async def list_pods(self, namespace: str, experiment_uid: str) -> list[Json]:
        """Return an experiment's pods."""
        selector = urlencode({"labelSelector": f"{keys.LABEL_UID}={experiment_uid}"})
        listed = await self._call("GET", f"{COLLECTIONS['Pod'].format(namespace)}?{selector}")
        return list(listed["items"])

    async def list_events(self, namespace: str, uid: str) -> list[Json]:
        """Return the events about one object."""
        selector = urlencode({"fieldSelector": f"involvedObject.uid={uid}", "limit": "50"})
        listed = await self._call("GET", f"{COLLECTIONS['Event'].format(namespace)}?{selector}")
        return list(listed["items"])

    async def knows_experiments(self) -> bool:
        """Tell whether the CustomResourceDefinition is there."""
        try:
            group = await self._call("GET", f"/apis/{keys.GROUP}/{keys.VERSION}")
        except NotFoundError:
            return False
        return any(resource.get("name") == keys.PLURAL for resource in group.get("resources", []))

    async def _call(self, verb: str, path: str, body: Json | None = None) -> Json:
        headers = {"Content-Type": MERGE_PATCH if verb == "PATCH" else "application/json", "Accept": "application/json"}
        code = "error"
        try:
            request = await self._client.param_serialize(
                verb, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            if verb != "GET":
                self._gate()  # as late as can be: only the transport comes after it
            answer = await self._client.call_api(*request, _request_timeout=self._timeout_seconds)
            data, code = await answer.read(), str(answer.status)
        except NotLeadingError:
            code = "withheld"
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ApiException) as error:
            raise UnavailableError(f"{verb} {path.split('?')[0]}: {error or type(error).__name__}") from error
        finally:
            self._on_request(verb, code)
        content, text = _json(data), data[:500].decode(errors="replace")
        if not code.startswith("2"):
            reason, message = str(content.get("reason", "")), str(content.get("message", text or code))
            raise from_answer(int(code), reason, message, answer.headers.get("Retry-After", ""))
        if not content:
            raise UnavailableError(f"{verb} {path.split('?')[0]}: the answer cannot be read: {text}")
        return content


def _json(data: bytes) -> Json:
    try:
        content = json.loads(data)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}

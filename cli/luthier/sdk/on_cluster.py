"""An experiment's way into the cluster: its code as a ConfigMap, itself, and then a look until its end."""

from __future__ import annotations

from typing import Any

from kubernetes import client
from rich.console import Console

from luthier.api.keys import GROUP, PLURAL, VERSION
from luthier.cli.cluster import Experiments, connect
from luthier.cli.errors import Refusal
from luthier.cli.refusals import asking
from luthier.cli.screen import screen
from luthier.cli.snapshot import Snapshot
from luthier.cli.watch import until_end
from luthier.sdk.code import SourceFile

Json = dict[str, Any]


def apply_and_wait(
    document: Json, file: SourceFile | None, namespace: str | None, console: Console, timeout: float | None
) -> Snapshot:
    """Create an experiment and its code, and show it until it has ended.

    Raises:
        Refusal: there is one of that name already, or the cluster refuses it.
    """
    experiments = connect(namespace)
    created = _create(experiments, document)
    if file is not None:  # after its owner, so that it goes with it
        _bring(experiments, created, file)
    with screen(console) as show:
        return until_end(experiments.follow(document["metadata"]["name"]), show, timeout=timeout)


def _create(experiments: Experiments, document: Json) -> Json:
    name = document["metadata"]["name"]
    api = client.CustomObjectsApi(experiments.client)
    try:
        with asking(f"create {name}", "create tuningexperiments"):
            created: Json = api.create_namespaced_custom_object(
                GROUP, VERSION, experiments.namespace, PLURAL, document, field_validation="Strict"
            )
    except Refusal as refusal:
        if getattr(refusal.__cause__, "status", None) == 409:
            raise Refusal(
                f"There is a TuningExperiment {name} in namespace {experiments.namespace} already.",
                hint=f"Name another with name=...; or open that one: load({name!r}).",
            ) from refusal
        raise
    return created


def _bring(experiments: Experiments, owner: Json, file: SourceFile) -> None:
    name = owner["metadata"]["name"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name,
        "uid": owner["metadata"]["uid"],
    }
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": [reference]},
        "data": {file.name: file.text},
    }
    with asking(f"create ConfigMap {name}", "create configmaps"):
        experiments.core.create_namespaced_config_map(experiments.namespace, body)

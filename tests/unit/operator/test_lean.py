"""Lists reach kopf without what nobody reads, and single objects as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from luthier.api import keys
from luthier.operator.cache import Cache
from luthier.operator.lean import Listing, lean_session
from luthier.operator.manifests.names import ANNOTATION_RESTARTS

Json = dict[str, Any]
POD: Json = {
    "metadata": {
        "namespace": "team-a",
        "name": "digits-driver",
        "uid": "p1",
        "resourceVersion": "7",
        "labels": {keys.LABEL_UID: "u1", keys.LABEL_EXPERIMENT: "digits"},
        "annotations": {ANNOTATION_RESTARTS: "2", keys.ANNOTATION_EXPERIMENT: "{}"},
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {"containers": [{"name": "driver"}]},
    "status": {"phase": "Running"},
}
EXPERIMENT: Json = {
    "metadata": {"namespace": "team-a", "name": "digits", "uid": "u1", "resourceVersion": "8", "managedFields": [{}]},
    "spec": {"budget": {"trials": 3}},
}


def a_list(kind: str, *items: Json) -> Json:
    return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"continue": "more"}, "items": list(items)}


def asked(answer: Json) -> Json:
    """Return what kopf gets of an API server's answer."""

    async def give(_: web.Request) -> web.Response:
        return web.json_response(answer)

    async def ask() -> Json:
        app = web.Application()
        app.router.add_get("/", give)
        async with TestServer(app) as server:
            access = lean_session(kopf.ConnectionInfo(server=str(server.make_url("/"))), Listing(Cache(), lists=2))
            async with access.aiohttp_session as session, session.get(access.server) as response:
                got: Json = await response.json()
                return got

    return asyncio.run(ask())


def test_a_listed_pod_is_what_the_cache_keeps_of_one() -> None:
    listed = asked(a_list("Pod", POD))
    assert listed["metadata"] == {"continue": "more"}
    (pod,) = listed["items"]
    assert "spec" not in pod
    from_list, from_watch = Cache(), Cache()
    from_list.keep_pod(pod)
    from_watch.keep_pod(POD)
    assert from_list.pods(("team-a", "u1")) == from_watch.pods(("team-a", "u1")) == [pod]


def test_a_listed_experiment_is_what_the_cache_keeps_of_one() -> None:
    (experiment,) = asked(a_list(keys.KIND, EXPERIMENT))["items"]
    assert experiment["spec"] == EXPERIMENT["spec"]
    cache = Cache()
    cache.keep_experiment(EXPERIMENT)
    assert cache.experiment(("team-a", "digits")) == experiment


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "Pod", **POD},
        a_list("ConfigMap", {"metadata": {"managedFields": [{}]}}),
        {"kind": "Status", "code": 410},
    ],
    ids=["one object", "a list of other things", "a refusal"],
)
def test_anything_else_comes_as_it_is(answer: Json) -> None:
    assert asked(answer) == answer


def test_an_empty_list_may_have_no_items() -> None:
    assert asked({"kind": "PodList", "items": None})["items"] == []


def test_all_is_listed_when_the_last_part_of_every_list_has_come_and_is_known_then() -> None:
    async def scenario() -> None:
        cache = Cache()
        listing = Listing(cache, lists=2)
        listing.take_in("/pods", a_list("Pod", POD))
        listing.take_in("/experiments", {**a_list(keys.KIND, EXPERIMENT), "metadata": {}})
        listing.take_in("/experiments", {**a_list(keys.KIND, EXPERIMENT), "metadata": {}})
        listing.take_in("/api", {"kind": "APIResourceList", "resources": []})
        assert not listing.is_complete.is_set()
        listing.take_in("/pods", {"kind": "PodList", "metadata": {"continue": ""}, "items": None})
        assert listing.is_complete.is_set()
        assert cache.experiment(("team-a", "digits")) is not None
        assert len(cache.pods(("team-a", "u1"))) == 1

    asyncio.run(scenario())

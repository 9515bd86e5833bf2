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
from luthier.operator.watch import kopf_settings

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


VERBS = ["list", "watch", "patch"]
RESOURCES: list[Json] = [
    {"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True, "verbs": VERBS},
    {"name": "namespaces", "singularName": "namespace", "kind": "Namespace", "namespaced": False, "verbs": VERBS},
]
KINDS: Json = {"/api": {"versions": ["v1"]}, "/apis": {"groups": []}, "/api/v1": {"resources": RESOURCES}}
EXPIRED: Json = {"kind": "Status", "code": 410, "reason": "Expired", "message": "the provided continue is too old"}


def test_a_list_whose_rest_has_expired_is_begun_anew() -> None:
    """By kopf, which would end for such an answer."""
    lists: list[str] = []
    cache = Cache()
    listing, watched, stop = Listing(cache, lists=1), asyncio.Event(), asyncio.Event()

    async def give(request: web.Request) -> web.StreamResponse:
        if request.path in KINDS:
            return web.json_response(KINDS[request.path])
        if "watch" in request.query:
            watched.set()
            await stop.wait()
            return web.Response()
        lists.append(request.query.get("continue", "from the beginning"))
        if "continue" in request.query:
            return web.json_response(EXPIRED, status=410)
        more = {"continue": "more"} if len(lists) == 1 else {}
        return web.json_response({"kind": "PodList", "metadata": {"resourceVersion": "9", **more}, "items": [POD]})

    app, registry = web.Application(), kopf.OperatorRegistry()
    app.router.add_get("/{path:.*}", give)

    @kopf.on.event("v1", "pods", registry=registry)
    async def on_pod(**_: Any) -> None:
        """Have the pods watched."""

    async def scenario() -> None:
        async with TestServer(app) as server:
            info = kopf.ConnectionInfo(server=str(server.make_url("/")))

            @kopf.on.login(registry=registry)
            async def login(**_: Any) -> kopf.AiohttpSession:
                return lean_session(info, listing)

            running = asyncio.create_task(
                kopf.operator(
                    registry=registry, settings=kopf_settings(), clusterwide=True, standalone=True, stop_flag=stop
                )
            )
            is_watched = asyncio.create_task(watched.wait())
            await asyncio.wait({running, is_watched}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await running

    asyncio.run(scenario())
    assert lists == ["from the beginning", "more", "from the beginning"]
    assert watched.is_set()
    assert listing.is_complete.is_set()


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


def test_only_a_list_of_pods_that_comes_again_says_that_pods_may_have_gone_unheard() -> None:
    async def scenario() -> list[int]:
        cache = Cache()
        listing, counts = Listing(cache, lists=3), []
        part, empty = a_list("Pod", POD), {"kind": "PodList", "metadata": {}, "items": None}
        experiments = {**a_list(keys.KIND, EXPERIMENT), "metadata": {}}
        for path, answer in (
            ("/a/pods", part),
            ("/a/pods", empty),
            ("/b/pods", empty),
            ("/experiments", experiments),
            ("/experiments", experiments),
            ("/a/pods", part),
            ("/a/pods", empty),
            ("/b/pods", empty),
        ):
            listing.take_in(path, dict(answer))
            counts.append(cache.listing)
        return counts

    assert asyncio.run(scenario()) == [0, 0, 0, 0, 0, 0, 1, 2], "once a list, with its last part, though it is empty"

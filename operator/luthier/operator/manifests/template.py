"""Merging a user's PodTemplateSpec into a pod that Luthier builds.

The user's word stands wherever Luthier does not depend on its own: mappings are merged
deep, containers by name; variables, mounts and volumes replace their namesakes; other
lists are appended. What driver and workers need to find each other and their files stays.
"""

from __future__ import annotations

from typing import Any

from luthier.api import keys

KEPT_IN_SPEC = ("restartPolicy", "hostname", "subdomain")
KEPT_IN_CONTAINER = ("name", "command", "args", "readinessProbe")
OUR_VARIABLES = ("LUTHIER_", "RAY_AUTH_", "RAY_USE_TLS", "RAY_TLS_")
KEPT_VOLUMES = ("token", "experiment", "storage", "code")
NAMED_LISTS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "name",
    "volumeMounts": "mountPath",
}
"""Lists whose items have a key, as the API server sees them."""
DEEP_LISTS = ("containers", "initContainers")
"""Lists whose items are merged; items of the others are replaced."""

Json = dict[str, Any]


def merge_template(pod: Json, template: Json | None) -> Json:
    """Return the pod with a user's template merged in; neither argument is changed."""
    if not template:
        return pod
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    merged = {**pod, "metadata": _merge_metadata(pod["metadata"], metadata), "spec": _merge(pod["spec"], spec)}
    _restore(merged["spec"], pod["spec"])
    return merged


def problems(template: Json | None, field: str) -> list[str]:
    """Return what makes a template impossible to merge, one sentence a fault.

    Everything else is for the API server to judge when the pod is created.
    """
    found: list[str] = []
    if template is None:
        return found
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return [f"{field}: `metadata` and `spec` must be objects"]
    for name in ("labels", "annotations"):
        values = metadata.get(name) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            found.append(f"{field}.metadata.{name}: must map names to strings")
    for name in ("containers", "initContainers", "volumes"):
        items = spec.get(name) or []
        found += _list_problems(items, f"{field}.spec.{name}", "name")
        if name == "volumes" or not _are_objects(items):
            continue
        for item in items:
            for inner in ("env", "ports", "volumeMounts"):
                key = NAMED_LISTS[inner]
                where = f"{field}.spec.{name}.{item.get('name')}.{inner}"
                found += _list_problems(item.get(inner) or [], where, key, needs_key=inner != "ports")
    return found


def _list_problems(items: Any, field: str, key: str, *, needs_key: bool = True) -> list[str]:
    if not _are_objects(items):
        return [f"{field}: must be a list of objects"]
    if needs_key and not all(isinstance(item.get(key), str) for item in items):
        return [f"{field}: each needs `{key}`"]
    return []


def _are_objects(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _merge_metadata(base: Json, extra: Json) -> Json:
    merged = dict(base)
    for name in ("labels", "annotations"):
        if extra.get(name):
            merged[name] = {**extra[name], **base.get(name, {})}
    return merged


def _merge(base: Json, extra: Json) -> Json:
    merged = dict(base)
    for key, value in extra.items():
        if value is not None:
            merged[key] = _merge_value(key, base.get(key), value)
    return merged


def _merge_value(key: str, mine: Any, theirs: Any) -> Any:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return _merge(mine, theirs)
    if isinstance(mine, list) and isinstance(theirs, list):
        return _merge_named(key, mine, theirs) if key in NAMED_LISTS else [*mine, *theirs]
    return theirs


def _merge_named(list_name: str, mine: list[Json], theirs: list[Json]) -> list[Json]:
    key = NAMED_LISTS[list_name]
    merged = {item[key]: item for item in mine}
    for item in theirs:
        name = item.get(key, id(item))
        known = merged.get(name) if list_name in DEEP_LISTS else None
        merged[name] = _merge(known, item) if known else item
    return list(merged.values())


def _restore(spec: Json, original: Json) -> None:
    """Put back what Luthier depends on, in a spec that is already a copy."""
    for key in KEPT_IN_SPEC:
        if key in original:
            spec[key] = original[key]
    kept = {volume["name"]: volume for volume in original["volumes"] if volume["name"] in KEPT_VOLUMES}
    spec["volumes"] = [kept.get(volume["name"], volume) for volume in spec["volumes"]]
    ours = original["containers"][0]
    spec["containers"] = [_restore_container(c, ours) if c["name"] == keys.CONTAINER else c for c in spec["containers"]]


def _restore_container(container: Json, ours: Json) -> Json:
    restored = {**container, **{key: ours[key] for key in KEPT_IN_CONTAINER if key in ours}}
    for key in KEPT_IN_CONTAINER:
        if key not in ours:
            restored.pop(key, None)
    env = {item["name"]: item for item in ours["env"] if item["name"].startswith(OUR_VARIABLES)}
    restored["env"] = [env.get(item["name"], item) for item in container["env"]]
    mounts = {item["mountPath"]: item for item in ours["volumeMounts"] if item["name"] in KEPT_VOLUMES}
    restored["volumeMounts"] = [mounts.get(item["mountPath"], item) for item in container["volumeMounts"]]
    ports = {item["name"]: item for item in ours.get("ports", [])}
    if "ports" in container:
        restored["ports"] = [ports.get(item.get("name"), item) for item in container["ports"]]
    return restored

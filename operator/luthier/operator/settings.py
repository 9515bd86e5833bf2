"""What the operator was installed with: read from the environment once, then frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from luthier.api import keys

ENV_NAMESPACES = "LUTHIER_NAMESPACES"
"""Namespaces to serve, separated by commas; empty serves the whole cluster."""
ENV_TRIAL_IMAGE = "LUTHIER_TRIAL_IMAGE"
"""Image of driver and workers where an experiment names none."""
ENV_PULL_POLICY = "LUTHIER_IMAGE_PULL_POLICY"
"""Always, IfNotPresent or Never, for that image and all others."""
ENV_METRICS_PORT = "LUTHIER_METRICS_PORT"
"""Port of `/metrics`, `/healthz` and `/readyz`."""
ENV_PROGRESS_PORT = "LUTHIER_PROGRESS_PORT"
"""Port at which drivers are asked for their progress."""
ENV_DRIVER_CLIENTS = "LUTHIER_DRIVER_CLIENTS"
"""JSON list of NetworkPolicyPeers that may reach drivers' progress port; empty: experiments get no NetworkPolicy."""
ENV_LOG_LEVEL = "LUTHIER_LOG_LEVEL"
"""DEBUG, INFO, WARNING or ERROR."""
ENV_LEASE_NAMESPACE = "LUTHIER_LEASE_NAMESPACE"
"""Namespace of the Lease by which several operators agree on a leader; empty: this one is alone."""
ENV_LEASE_NAME = "LUTHIER_LEASE_NAME"
"""Name of that Lease; operators that share it take turns."""
ENV_LEASE_SECONDS = "LUTHIER_LEASE_SECONDS"
"""Seconds after its last sign of life in which no other operator follows a leader."""
ENV_HOLDER = "POD_ID"
"""Who this is among them: the pod's name. kopf reads the same variable."""

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(ValueError):
    """The environment holds a value that the operator cannot work with."""


@dataclass(frozen=True)
class Settings:
    """How this operator was installed."""

    namespaces: tuple[str, ...] = ()
    """Served namespaces; none means all."""
    trial_image: str = "luthier-trial:latest"
    pull_policy: PullPolicy = "IfNotPresent"
    metrics_port: int = keys.PORT_METRICS
    progress_port: int = keys.PORT_PROGRESS
    driver_clients: tuple[dict[str, Any], ...] = ()
    """NetworkPolicyPeers that may reach drivers; none means that no NetworkPolicy is made."""
    log_level: str = "INFO"
    lease_namespace: str = ""
    lease_name: str = "luthier-operator"
    lease_seconds: int = 10
    holder: str = ""
    """Empty outside of a pod."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that the environment holds, defaults where it is silent.

        Raises:
            SettingsError: names the variable and what it may be.
        """
        defaults = cls()
        namespaces = environment.get(ENV_NAMESPACES, "").split(",")
        return cls(
            namespaces=tuple(sorted({name.strip() for name in namespaces} - {""})),
            trial_image=environment.get(ENV_TRIAL_IMAGE, "") or defaults.trial_image,
            pull_policy=cast("PullPolicy", _choice(environment, ENV_PULL_POLICY, defaults.pull_policy, PULL_POLICIES)),
            metrics_port=_port(environment, ENV_METRICS_PORT, defaults.metrics_port),
            progress_port=_port(environment, ENV_PROGRESS_PORT, defaults.progress_port),
            driver_clients=_peers(environment, ENV_DRIVER_CLIENTS),
            log_level=_choice(environment, ENV_LOG_LEVEL, defaults.log_level, LOG_LEVELS),
            lease_namespace=environment.get(ENV_LEASE_NAMESPACE, ""),
            lease_name=environment.get(ENV_LEASE_NAME, "") or defaults.lease_name,
            lease_seconds=_seconds(environment, ENV_LEASE_SECONDS, defaults.lease_seconds),
            holder=environment.get(ENV_HOLDER, ""),
        )


def _choice(environment: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = environment.get(name, "") or default
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}; it may be {', '.join(choices)}")
    return value


def _peers(environment: Mapping[str, str], name: str) -> tuple[dict[str, Any], ...]:
    text = environment.get(name, "") or "[]"
    try:
        peers = json.loads(text)
    except ValueError:
        peers = None
    if not isinstance(peers, list) or not all(isinstance(peer, dict) for peer in peers):
        raise SettingsError(f"{name} is {text!r}; it must be a JSON list of NetworkPolicyPeers")
    return tuple(peers)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name} is {text!r}; it must be a port from 1 to 65535")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdigit() or not 2 <= int(text) <= 600:
        raise SettingsError(f"{name} is {text!r}; it must be a number of seconds from 2 to 600")
    return int(text)

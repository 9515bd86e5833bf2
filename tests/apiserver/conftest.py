"""A real API server with the definition installed, started once for all tests of this folder."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luthier.api import keys
from support.apiserver import ROOT, Experiments, Kubectl, Refused

DEFINITION = ROOT / "crds" / "tuningexperiments.yaml"
PATIENCE_SECONDS = 30


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A server that knows TuningExperiments and writes down who asked it for what."""
    with _testing().api_server(audit=True) as server:
        kubectl = Kubectl(server.kubeconfig)
        kubectl("apply", "--filename", str(DEFINITION))
        _wait_until_served(kubectl)
        yield server


@pytest.fixture(scope="session")
def api_server(server: Any) -> Path:
    """Path of a kubeconfig with all rights on that server."""
    kubeconfig: Path = server.kubeconfig
    return kubeconfig


@pytest.fixture(scope="session")
def audit_log(server: Any) -> Path:
    """Path of the file with one JSON line for each request to that server."""
    log: Path = server.audit_log
    return log


@pytest.fixture(scope="session")
def kubectl(api_server: Path) -> Kubectl:
    """kubectl, speaking to that server; call it like a function."""
    return Kubectl(api_server)


@pytest.fixture(scope="session")
def experiments(api_server: Path) -> Experiments:
    """TuningExperiments on that server, over the REST API."""
    return Experiments.at(api_server)


def _wait_until_served(kubectl: Kubectl) -> None:
    """`kubectl wait` fails on a definition that has no status yet, so ask for the objects themselves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            kubectl("get", keys.PLURAL)
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _testing() -> Any:
    """Return the development cluster's helper, which is no package of the tests' import path."""
    name = "embedded_testing"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "dev" / "embedded" / "testing.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]

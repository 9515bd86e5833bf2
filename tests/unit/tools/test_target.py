"""Which cluster is taken, by what there is: told by small programs on the PATH that answer as the real ones do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from target import DEV, TRIAL, Embedded, Given, Kind, StepFailed, choose

EMBEDDED = subprocess.run([DEV, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine with these programs beside the system's own, and this KUBECONFIG."""

    def has(*programs: str, kubeconfig: str | None = None) -> None:
        for name in programs:
            (tmp_path / name).write_text("#!/bin/sh\nexit 0\n")
            (tmp_path / name).chmod(0o755)
        for broken in {"docker", "podman"} - set(programs):
            (tmp_path / broken).write_text("#!/bin/sh\nexit 1\n")
            (tmp_path / broken).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.delenv("LUTHIER_REGISTRY", raising=False)
        if kubeconfig:
            monkeypatch.setenv("KUBECONFIG", kubeconfig)

    return has


@pytest.mark.parametrize(
    ("programs", "kubeconfig", "taken"),
    [
        pytest.param((), None, Embedded, id="nothing but the toolchains"),
        pytest.param(("kind",), None, Embedded, id="kind without an engine that runs"),
        pytest.param(("docker",), None, Embedded, id="an engine without kind"),
        pytest.param(("docker", "kind"), None, Kind, id="an engine and kind"),
        pytest.param(("docker", "kind"), "/somewhere/config", Given, id="a cluster of one's own comes first"),
        pytest.param(("docker",), EMBEDDED, Embedded, id="the embedded cluster's own kubeconfig"),
    ],
)
def test_which_cluster_is_taken(machine, programs, kubeconfig, taken):
    machine(*programs, kubeconfig=kubeconfig)

    assert type(choose()) is taken


def test_a_given_cluster_without_an_engine_is_refused_with_what_to_do(machine):
    machine(kubeconfig="/somewhere/config")

    with pytest.raises(StepFailed, match="no container engine"):
        choose()


def test_a_given_cluster_needs_a_registry_for_its_images(machine):
    machine("docker", kubeconfig="/somewhere/config")

    with pytest.raises(StepFailed, match="set LUTHIER_REGISTRY="):
        choose().reference(TRIAL)


def test_images_of_a_given_cluster_are_named_by_its_registry(machine, monkeypatch):
    machine("docker", kubeconfig="/somewhere/config")
    monkeypatch.setenv("LUTHIER_REGISTRY", "registry.example/me")

    assert choose().reference(TRIAL) == "registry.example/me/trial:dev"

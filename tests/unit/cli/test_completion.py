"""The shell's completion offers commands and names, and never an error."""

import json

import click
import pytest
from typer.testing import CliRunner

from luthier.cli.completion import experiment_names
from luthier.cli.main import app
from unit.cli.fake_cluster import FakeCluster


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster with two experiments, as KUBECONFIG names it."""
    items = {"items": [{"metadata": {"name": name}} for name in ("digits-pbt", "digits-asha", "other")]}
    with FakeCluster(reads=[items]) as cluster:
        config = {
            "clusters": [{"name": "c", "cluster": {"server": cluster.address}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield cluster


def context(**params):
    ctx = click.Context(click.Command("watch"))
    ctx.params = params
    return ctx


def test_names_of_experiments_are_offered(cluster):
    assert experiment_names(context(), "dig") == ["digits-asha", "digits-pbt"]


def test_where_no_cluster_answers_nothing_is_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert experiment_names(context(), "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_offered_to_a_shell(shell):
    line = {"bash": "luthier ex", "zsh": "luthier ex", "fish": "luthier ex"}[shell]
    asked = {
        "_LUTHIER_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line, "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "ex",
    }  # fmt: skip
    offered = CliRunner().invoke(app, [], env=asked, prog_name="luthier").output
    assert "explain" in offered
    assert "extend" in offered

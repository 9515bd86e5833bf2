"""`tune` and `load` as a person calls them: in a notebook, on a Ray of its own, in two sittings."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbclient import NotebookClient
from ray import tune as ray_tune

from luthier.cli.errors import Refusal
from luthier.sdk import load, tune

pytestmark = pytest.mark.ray
WIDGET = "application/vnd.jupyter.widget-view+json"
DEFINING = """
import json
from pathlib import Path
from ray import tune as ray_tune
from luthier.sdk import tune

class Counting(ray_tune.Trainable):
    def setup(self, config):
        self.count, self.x = 0, config["x"]

    def step(self):
        self.count += 1
        return {"score": self.x * self.count}

    def save_checkpoint(self, directory):
        Path(directory, "count.json").write_text(json.dumps(self.count))

    def load_checkpoint(self, directory):
        self.count = json.loads(Path(directory, "count.json").read_text())

def counted(trials):
    more = {"search": {"algorithm": "Grid"}}
    space = {"x": ray_tune.choice([1, 2, 3])}
    return tune(Counting, space, "score", mode="max", trials=trials, iterations=4, spec=more, directory="out")
"""


def test_a_cells_own_class_is_tuned_shown_as_a_widget_kept_and_gone_on_with(tmp_path):
    lines = [DEFINING, "counted(2)", "counted(3)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line) for line in lines])

    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()

    first, second = notebook.cells[1].outputs, notebook.cells[2].outputs
    assert any(WIDGET in output.get("data", {}) for output in first)
    assert "<Result counting: Succeeded, 2/2 trials, best {'score': 8.0} with {'x': 2}>" in said(first)
    assert "<Result counting: Succeeded, 3/3 trials, best {'score': 12.0} with {'x': 3}>" in said(second)
    result = load(tmp_path / "out")
    assert (result.state, result.value, result.parameters) == ("Succeeded", 12, {"x": 3})
    assert list(result.dataframe()["parameters.x"]) == [1, 2, 3]
    scores = [1, 2, 3, 4, 2, 4, 6, 8, 3, 6, 9, 12]
    assert list(result.history()["metrics.score"]) == scores, "nothing was done again"
    assert json.loads((result.checkpoint(tmp_path / "best") / "count.json").read_text()) == 4
    assert any(figure.data for figure in result.figures().values())
    assert "plotly" in result.report(tmp_path / "page.html").read_text()
    with pytest.raises(Refusal, match="another experiment"):
        tune("m:f", {"x": [1]}, "score", mode="min", directory=tmp_path / "out")


def test_where_a_ray_runs_in_this_process_already_the_answer_is_a_sentence(tmp_path):
    with pytest.raises(Refusal, match="Ray runs in this process already"):
        tune("m:f", {"x": ray_tune.uniform(0, 1)}, "loss", mode="min", directory=tmp_path / "never")
    assert not (tmp_path / "never").exists()


def said(outputs):
    """Return what a cell's value looks like."""
    return "".join(output["data"]["text/plain"] for output in outputs if output["output_type"] == "execute_result")

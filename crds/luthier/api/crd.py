"""The CustomResourceDefinition, made from the models: `python -m luthier.api.crd` writes its files.

The models are the source of truth; a test fails when a file differs from what is made here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from luthier.api import keys
from luthier.api.experiment import FROZEN_ONCE_STARTED, Spec
from luthier.api.manifest import Experiment
from luthier.api.schema import structural
from luthier.api.status import Status

ROOT = Path(__file__).resolve().parents[3]
FILES = (
    ROOT / "crds" / "tuningexperiments.yaml",
    ROOT / "helm" / "luthier" / "files" / "tuningexperiments.yaml",
)
"""Where the definition is kept: for `kubectl apply -f`, and for the chart."""

DESCRIPTION = (
    "A hyperparameter tuning experiment: what to tune (`spec.parameters`), towards what (`spec.objectives`), how "
    "(`spec.search`, `spec.scheduler`), with which training code (`spec.trial`) and until when (`spec.budget`)."
)

COLUMNS = (
    ("State", "string", ".status.state", "How the experiment stands, in one word.", 0),
    ("Trials", "string", ".status.done", "Trials finished and asked for.", 0),
    ("Running", "integer", ".status.trials.running", "Trials that run now.", 0),
    ("Best", "string", ".status.bestValue", "The primary metric of the best trial.", 0),
    ("GPU-Hours", "string", ".status.gpuHours", "GPU-hours used.", 0),
    ("ETA", "string", ".status.eta", "Time left, from the pace so far.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the experiment was created.", 0),
    ("Algorithm", "string", ".spec.search.algorithm", "The search algorithm.", 1),
    ("Metric", "string", ".spec.objectives[0].metric", "The primary metric.", 1),
    ("Best-Trial", "string", ".status.best.trial", "The best trial by the primary metric.", 1),
    ("Failed", "integer", ".status.trials.failed", "Trials that failed.", 1),
    ("Attempt", "integer", ".status.attempt", "Number of the current driver.", 1),
    ("Restarts", "integer", ".status.restarts", "Drivers that were replaced because they were lost.", 1),
    ("Stalled", "string", ".status.stalled", "Why it does not go on, while it does not.", 1),
    ("Message", "string", ".status.message", "The sentence behind the state.", 1),
)
"""What `kubectl get tx` prints; those of priority 1 only with `-o wide`."""

OPTIONAL_BLOCKS = tuple(name for name in FROZEN_ONCE_STARTED if Spec.model_fields[name].get_default() is None)


def definition() -> dict[str, Any]:
    """Return the whole CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{keys.PLURAL}.{keys.GROUP}"},
        "spec": {
            "group": keys.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": keys.KIND,
                "listKind": f"{keys.KIND}List",
                "plural": keys.PLURAL,
                "singular": keys.SINGULAR,
                "shortNames": [keys.SHORT_NAME],
                "categories": [keys.CATEGORY],
            },
            "versions": [
                {
                    "name": keys.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in COLUMNS],
                    "schema": {"openAPIV3Schema": _root()},
                }
            ],
        },
    }


def text() -> str:
    """Return the definition as the YAML of its files."""
    yaml = YAML()
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda _: True
    yaml.indent(mapping=2, sequence=2, offset=0)
    stream = io.StringIO()
    stream.write("# Generated from the models by `python -m luthier.api.crd`; not edited by hand.\n")
    yaml.dump(definition(), stream)
    return stream.getvalue()


def main() -> None:
    """Write the definition to all its files."""
    for file in FILES:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text())


def _column(name: str, kind: str, path: str, description: str, priority: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "jsonPath": path,
        "description": description,
        **({"priority": priority} if priority else {}),
    }


def _root() -> dict[str, Any]:
    return {
        "description": DESCRIPTION,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "description": f"Version of this schema: `{keys.API_VERSION}`.",
                "type": "string",
            },
            "kind": {"description": f"`{keys.KIND}`.", "type": "string"},
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": structural(Spec),
            # Defaults in a status would look like something that was observed.
            "status": structural(Status, defaults=False),
        },
        "x-kubernetes-validations": [
            *(rule.as_validation() for rule in Experiment.rules),
            *(_frozen(field) for field in FROZEN_ONCE_STARTED),
        ],
    }


def _frozen(field: str) -> dict[str, str]:
    new, old = f"self.spec.{field}", f"oldSelf.spec.{field}"
    same = f"{new} == {old}"
    if field in OPTIONAL_BLOCKS:
        same = f"has({new}) == has({old}) && (!has({new}) || {same})"
    return {
        "rule": f"!has(oldSelf.status) || !has(oldSelf.status.startTime) || ({same})",
        "message": f"`spec.{field}` may not change once the experiment has started; "
        "`spec.budget`, `spec.suspend` and `spec.ttlSecondsAfterFinished` may",
        "fieldPath": f".spec.{field}",
    }


if __name__ == "__main__":
    main()

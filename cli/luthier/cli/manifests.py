"""Reading the one experiment and the training code that a file names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.api.keys import KIND
from luthier.api.manifest import Experiment, ManifestError, load, parse
from luthier.cli.errors import Refusal

MANIFEST = "experiment.yaml"


@dataclass(frozen=True)
class Manifest:
    """One experiment of a file, with the code that the file brings along."""

    path: Path
    experiment: Experiment
    document: dict[str, Any]
    """The experiment as it was written."""
    code: dict[str, str]
    """Files of the ConfigMap that `trial.source` names, where the same file holds it; else empty."""


def read_manifest(path: Path) -> Manifest:
    """Return the only experiment of a file, or of the `experiment.yaml` of a folder.

    Raises:
        Refusal: no file, no YAML, none or several experiments, or one that breaks a rule.
    """
    path = _file(path)
    documents = _documents(path)
    experiments = [document for document in documents if document.get("kind") == KIND]
    if len(experiments) != 1:
        raise Refusal(
            f"{path} holds {_count(experiments, documents)}.",
            hint="Name a file with exactly one TuningExperiment; examples/quadratic/experiment.yaml is a small one.",
        )
    (document,) = experiments
    experiment = _parsed(path, document)
    return Manifest(path, experiment, document, _code(documents, experiment))


def read_experiments(path: Path) -> list[Experiment]:
    """Return every experiment of a file; other kinds are skipped.

    Raises:
        Refusal: no file, no YAML, no experiment, or one that breaks a rule.
    """
    path = _file(path)
    documents = [document for document in _documents(path) if document.get("kind") == KIND]
    if not documents:
        raise Refusal(
            f"{path} holds no TuningExperiment.",
            hint="Its first lines must name `apiVersion` and `kind: TuningExperiment`.",
        )
    return [_parsed(path, document) for document in documents]


def _file(path: Path) -> Path:
    if path.is_dir():
        path = path / MANIFEST
    if not path.is_file():
        raise Refusal(
            f"There is no file {path}.", hint="Give the path of a manifest, or of a folder with an experiment.yaml."
        )
    return path


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        return load(path)
    except ManifestError as error:
        raise Refusal(
            f"{path} can't be used:", problems=error.problems, hint="Correct the file and try again."
        ) from error


def _parsed(path: Path, document: dict[str, Any]) -> Experiment:
    try:
        return parse(document)
    except ManifestError as error:
        count = len(error.problems)
        raise Refusal(
            f"{path} breaks {count} rule{'' if count == 1 else 's'}:",
            problems=error.problems,
            hint="Correct them; `kubectl explain tx.spec` and the user guide describe every field.",
        ) from error


def _code(documents: list[dict[str, Any]], experiment: Experiment) -> dict[str, str]:
    source = experiment.spec.trial.source
    for document in documents:
        name = (document.get("metadata") or {}).get("name")
        if source and document.get("kind") == "ConfigMap" and name == source.config_map:
            return {str(file): str(text) for file, text in (document.get("data") or {}).items()}
    return {}


def _count(experiments: list[dict[str, Any]], documents: list[dict[str, Any]]) -> str:
    if experiments:
        return f"{len(experiments)} TuningExperiments, and one can run at a time"
    kinds = ", ".join(sorted({str(document.get("kind")) for document in documents}))
    return f"no TuningExperiment, only {kinds}" if kinds else "nothing"

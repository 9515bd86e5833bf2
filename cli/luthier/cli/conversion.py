"""What a conversion gives: a manifest, and a sentence for each thing that has no equal here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from luthier.api.keys import API_VERSION, KIND
from luthier.api.manifest import ManifestError, parse

Json = dict[str, Any]


@dataclass(frozen=True)
class Conversion:
    """A manifest with what was lost on the way."""

    document: Json
    notes: tuple[str, ...]
    """What has no equal, or means something else here."""

    @property
    def problems(self) -> list[str]:
        """Rules that the manifest breaks, to be mended by hand."""
        try:
            parse(self.document)
        except ManifestError as error:
            return list(error.problems)
        return []


def manifest(name: str, spec: Json, namespace: str | None = None) -> Json:
    """Return a TuningExperiment; empty blocks of the spec are left out."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {block: value for block, value in spec.items() if value not in ({}, [], None)},
    }

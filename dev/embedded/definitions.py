"""Fetch another project's definitions of objects: its Go module, held against `go.sum`, and never built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from embedded.commands import read, run_logged
from embedded.errors import StepError
from embedded.pins import PROMETHEUS_OPERATOR
from embedded.places import SOURCES, cache_directory


def prometheus_operator() -> Path:
    """Return the folder with the Prometheus operator's definitions, a YAML file for each kind."""
    if shutil.which("go") is None:
        raise StepError("the Go toolchain is missing", advice="install Go 1.26 or newer and put `go` on the PATH")
    folder, module, definitions = PROMETHEUS_OPERATOR
    download = ["go", "-C", str(SOURCES / folder), "mod", "download", "-json", module]
    run_logged(
        download,
        log=cache_directory() / "logs" / f"download-{folder}.log",
        advice="check that the Go module proxy answers (`go env GOPROXY`), then run the command again",
    )
    return Path(json.loads(read(download))["Dir"]) / definitions

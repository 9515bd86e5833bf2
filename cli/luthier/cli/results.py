"""The folder of a local run: the experiment as it ran, its last report, and the runtime's ledger and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from luthier.api.manifest import Experiment, ManifestError, load, parse
from luthier.api.status import Exploit
from luthier.api.wire import Report, WireError, decode, encode
from luthier.cli.errors import Refusal

RESULTS = Path("luthier-results")
EXPERIMENT_FILE = "experiment.json"
REPORT_FILE = "report.json"
ORIGIN_FILE = "origin.json"
CODE_FOLDER = "code"
LEDGER_FILE = "ledger.jsonl"


def new_directory(name: str, parent: Path = RESULTS) -> Path:
    """Make and return the first free `parent/name-N`."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        directory = parent / f"{name}-{number}"
        try:
            directory.mkdir()
        except FileExistsError:
            number += 1
        else:
            return directory


def is_results(directory: Path) -> bool:
    """Tell whether a folder was made by `luthier run`."""
    return (directory / EXPERIMENT_FILE).is_file()


def keep_experiment(directory: Path, experiment: Experiment, *, manifest: Path, code: Path) -> None:
    """Write down what runs in a folder, and where its manifest and code are, so that it can go on later."""
    origin = {"manifest": str(manifest.resolve()), "code": str(code.resolve())}
    _write(directory / EXPERIMENT_FILE, json.dumps(experiment.to_json(), indent=2).encode())
    _write(directory / ORIGIN_FILE, json.dumps(origin, indent=2).encode())


def keep_report(directory: Path, report: Report) -> None:
    """Write down the last report of a run."""
    _write(directory / REPORT_FILE, encode(report))


def read_experiment(directory: Path) -> Experiment:
    """Return the experiment that runs, or ran, in a folder.

    Raises:
        Refusal: not a folder of `luthier run`, or of another version.
    """
    if not is_results(directory):
        raise Refusal(
            f"{directory} was not made by `luthier run`: it has no {EXPERIMENT_FILE}.",
            hint=f"Name one of the folders in {RESULTS}, or the name of an experiment in the cluster.",
        )
    try:
        return parse(load(directory / EXPERIMENT_FILE)[0])
    except (ManifestError, IndexError) as error:
        raise Refusal(
            f"{directory / EXPERIMENT_FILE} can't be read: {error}", hint="Was it made by another version of Luthier?"
        ) from error


def read_origin(directory: Path) -> tuple[Path, Path]:
    """Return the paths of the manifest and of the code that a folder's run began with.

    Raises:
        Refusal: they are not written down.
    """
    try:
        origin = json.loads((directory / ORIGIN_FILE).read_text())
        return Path(origin["manifest"]), Path(origin["code"])
    except (OSError, ValueError, KeyError) as error:
        raise Refusal(
            f"{directory} does not say where its code is.",
            hint=f"Name the manifest too: luthier run FILE --resume {directory}",
        ) from error


def read_report(directory: Path) -> Report:
    """Return the last report of a folder's run.

    Raises:
        Refusal: nothing was reported yet, or by another version.
    """
    try:
        return decode((directory / REPORT_FILE).read_bytes())
    except FileNotFoundError as error:
        raise Refusal(
            f"Nothing has been reported in {directory} yet.", hint=f"Let it run: luthier run --resume {directory}"
        ) from error
    except WireError as error:
        raise Refusal(
            f"{directory / REPORT_FILE}: {error}", hint="Was it made by another version of Luthier?"
        ) from error


def read_exploits(directory: Path) -> list[Exploit]:
    """Return every copy of weights that a folder's ledger holds, oldest first.

    Raises:
        Refusal: the ledger is broken, or the runtime is not installed.
    """
    try:
        from luthier.trial.errors import BrokenLedger
        from luthier.trial.ledger import read
        from luthier.trial.records import TrialReported
        from luthier.trial.reporting import as_exploit
    except ImportError as error:
        raise needs_runtime(error) from error
    try:
        results: Iterable[TrialReported] = [record for record in read(directory) if isinstance(record, TrialReported)]
    except BrokenLedger as error:
        raise Refusal(
            f"The ledger can't be read: {error}.", hint="Was the file edited, or is it of another version of Luthier?"
        ) from error
    return [as_exploit(record) for record in results if record.exploit is not None]


def needs_runtime(error: ImportError) -> Refusal:
    """Return what to say where the trial runtime can't be imported."""
    return Refusal(
        f"Running here needs Ray Tune and Luthier's trial runtime, and {error.name or error} is not installed.",
        hint="pip install '.[local]' in a checkout of Luthier",
    )


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(path)

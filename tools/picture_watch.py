"""Draw the live view of `luthier watch` and `luthier run` as it stood in the middle of a real run, from its ledger.

    luthier run examples/digits-pbt -o DIR
    python tools/picture_watch.py DIR

The page that is drawn is the one that a terminal shows; only the moment is chosen here.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from luthier.api.manifest import Experiment
from luthier.cli.archives import Folder
from luthier.cli.records import records_of
from luthier.cli.report import experiment_of
from luthier.cli.snapshot import Snapshot, of_report
from luthier.cli.trial_rows import TrialTable
from luthier.cli.view import live
from luthier.trial.records import Record
from luthier.trial.reporting import make_report
from luthier.trial.story import story_of

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "watch.svg"
WIDTH = 104
"""Characters of the terminal."""
SHARE = 0.64
"""Of the ledger's lines that are there at the moment of the picture."""
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own frame asks the network for a font; this one takes what is there."""


def moment_of(experiment: Experiment, records: Sequence[Record]) -> Snapshot:
    """Return what was to be seen after these records."""
    study, now = story_of(experiment, records).study, records[-1].time
    report = make_report(study, uid=experiment.metadata.uid, attempt=1, sequence=1, now=now)
    table = TrialTable(experiment.spec.objectives)
    for record in records:
        table.apply(record)
    return replace(of_report(experiment, report), rows=tuple(table.rows()))


def drawn(snapshot: Snapshot, title: str) -> str:
    """Return the view as an SVG document."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(live(snapshot), "")
    return console.export_svg(title=title, code_format=FRAME, unique_id="luthier")


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of a local run")
    parser.add_argument("--share", type=float, default=SHARE, help="of the ledger that is there by then")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    asked = parser.parse_args()
    folder = Folder(asked.folder)
    experiment = experiment_of(folder.document)
    records = list(records_of(folder.lines()))
    snapshot = moment_of(experiment, records[: max(1, round(len(records) * asked.share))])
    asked.picture.write_text(drawn(snapshot, f"luthier watch {experiment.metadata.name}"), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Documents lead where they say: every link to a file and a heading, every file of the architecture's map."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for folder in ("docs", "dev", "helm", "examples") for path in (ROOT / folder).rglob("*.md")),
]
MAP = (ROOT / "docs" / "architecture.md").read_text()
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
BRACES = re.compile(r"\{([^}]*)\}")


def anchors_of(document: Path) -> set[str]:
    """Return what a document's headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths_of(text: str) -> Iterator[list[str]]:
    """Yield the files that each row of the map names, the first of them from the repository's root."""
    for line in text.splitlines():
        if not line.startswith("| "):
            continue
        spans = re.findall(r"`([^`]+)`", line.rsplit("|", 2)[1])
        if named := [span for span in spans if "/" in span or span.endswith(".py")]:
            yield named


def spelled_out(path: str) -> list[str]:
    """Return `a/{b,c}.py` as `a/b.py` and `a/c.py`."""
    choices = [found.split(",") for found in BRACES.findall(path)]
    return [BRACES.sub("{}", path).format(*chosen) for chosen in product(*choices)]


def is_there(path: str, folders: Iterable[Path]) -> bool:
    return any(any(folder.glob(path.rstrip("/"))) for folder in folders)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in LINK.findall(CODE.sub("", document.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, heading = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not heading or heading in anchors_of(target), link


def test_every_file_of_the_map_is_there() -> None:
    text = MAP.split("## Where each concept lives")[1].split("\n## ")[0]
    rows = [row for row in paths_of(text) if not row[0].startswith("concept")]
    assert len(rows) > 50
    for row in rows:
        folders = [ROOT]
        for path in (one for named in row for one in spelled_out(named)):
            assert is_there(path, folders), path
            at = ROOT / path
            folders += [at, at.parent, *at.parent.parents] if "/" in path else []

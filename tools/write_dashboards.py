"""Write the dashboards into the chart: `python tools/write_dashboards.py`, part of `make generate`."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.experiment import experiment
from dashboards.fleet import fleet
from dashboards.health import health

FOLDER = Path(__file__).resolve().parent.parent / "helm" / "luthier" / "files" / "dashboards"


def dashboards() -> dict[str, str]:
    """Return the JSON of each dashboard by the name of its file."""
    made = {"fleet": fleet(), "experiment": experiment(), "operator": health()}
    return {
        f"{name}.json": json.dumps(dashboard, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for name, dashboard in made.items()
    }


def main() -> None:
    """Write what differs, and remove what is no dashboard any more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = dashboards()
    for file in FOLDER.glob("*.json"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()

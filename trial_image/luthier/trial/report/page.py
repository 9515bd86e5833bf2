"""From a view to one HTML page that needs nothing else: no network, no fonts, no other file.

Everything that a trial wrote is text: the template escapes it, figures travel as JSON in which no tag can begin,
and the page's own policy runs no script but the two that stand in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from luthier.trial.report.view import View, moment

REFRESH_SECONDS = 5
"""A live page asks for what is new this often."""


def page(view: View, *, is_served: bool = False) -> str:
    """Return the whole page.

    Args:
        view: what to show.
        is_served: whether it is served by a driver that it can ask for what is new.
    """
    plotly, script = plotly_js(), _file("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            view=view,
            moment=moment,
            figures=figures_json(view),
            refresh=REFRESH_SECONDS if is_served else 0,
            style=Markup(_file("page.css")),  # noqa: S704 - ours
            plotly=Markup(plotly),  # noqa: S704 - plotly's own file
            script=Markup(script),  # noqa: S704 - ours
            policy=_policy(plotly, script, is_served=is_served),
        )
    )


def content(view: View) -> str:
    """Return the changing part of a served page, as a JSON document with `html` and `figures`."""
    body = _environment().get_template("content.html").render(view=view, moment=moment)
    return json.dumps({"html": body, "figures": _figures(view), "live": view.is_live}, allow_nan=False)


def figures_json(view: View) -> Markup:
    """Return the figures as JSON that can stand in a script element: no tag begins or ends in it."""
    text = json.dumps(_figures(view), allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped just now


@cache
def plotly_js() -> str:
    """Return plotly.js, as the package brings it."""
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def _figures(view: View) -> dict[str, Any]:
    return {key: figure.to_json() for key, figure in view.figures.items()}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("luthier.trial.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _file(name: str) -> str:
    return resources.files("luthier.trial.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(*scripts: str, is_served: bool) -> str:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    asks = "'self'" if is_served else "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {asks}; base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

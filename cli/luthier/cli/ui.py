"""`luthier ui`: the report in the browser, fresh while the experiment runs."""

from __future__ import annotations

import contextlib
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.options import Namespace, Target
from luthier.cli.records import open_archive
from luthier.cli.report import experiment_of
from luthier.cli.results import needs_runtime


@speaks_plainly
def ui(
    target: Target,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser, or only say where.")] = True,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on this machine; 0 picks one.")] = 0,
    namespace: Namespace = None,
) -> None:
    """Show an experiment's report in the browser and keep it fresh while it runs. Ctrl-C ends.

    The page is served on this machine only, at an address that holds a secret; the experiment's token stays here.

    Example: luthier ui digits-pbt
    """
    try:
        from luthier.cli.live_page import LivePage, LiveStory
    except ImportError as error:
        raise needs_runtime(error) from error
    with open_archive(target, namespace) as archive:
        story = LiveStory(experiment_of(archive.document), lambda after: list(archive.lines(after)))
        story.view()  # what can't be read is said here and not in the browser
        try:
            live = LivePage(story, port)
        except OSError as error:
            raise Refusal(f"Port {port} can't be had: {error.strerror}.", hint="Leave --port out.") from error
        with contextlib.closing(live), contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write(f"{live.url}\nCtrl-C ends.\n")
            sys.stdout.flush()
            if browser:
                webbrowser.open(live.url)
            threading.Event().wait()

"""`luthier ui`: the report in the browser, fresh while the experiment runs."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luthier.cli.archives import Folder
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.live_ledger import LiveLedger
from luthier.cli.options import Namespace, Output, Target
from luthier.cli.records import is_folder
from luthier.cli.report import experiment_of
from luthier.cli.results import needs_runtime

if TYPE_CHECKING:
    from luthier.cli.live_page import LiveStory


@speaks_plainly
def ui(
    target: Target,
    browser: Annotated[
        bool | None,
        typer.Option("--browser/--no-browser", help="Open a browser, or only say where. Default: with text, yes."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on this machine; 0 picks one.")] = 0,
    namespace: Namespace = None,
    output: Annotated[Output, typer.Option("--output", "-o", help='json: one line, {"url": ...}.')] = (Output.TEXT),
) -> None:
    """Show an experiment's report in the browser and keep it fresh while it runs. Ctrl-C ends.

    The page is served on this machine only, at an address that holds a secret; the experiment's token stays here.

    It goes on with the next driver, and after the end. Where no driver runs, it says so.

    Example: luthier ui digits-pbt
    """
    try:
        from luthier.cli.live_page import LivePage
    except ImportError as error:
        raise needs_runtime(error) from error
    with _live_story(target, namespace) as story:
        story.view()  # what can't be read is said here and not in the browser
        try:
            live = LivePage(story, port)
        except OSError as error:
            raise Refusal(f"Port {port} can't be had: {error.strerror}.", hint="Leave --port out.") from error
        with contextlib.closing(live), contextlib.suppress(KeyboardInterrupt):
            is_text = output is Output.TEXT
            sys.stdout.write(f"{live.url}\nCtrl-C ends.\n" if is_text else json.dumps({"url": live.url}) + "\n")
            sys.stdout.flush()
            if is_text if browser is None else browser:
                webbrowser.open(live.url)
            threading.Event().wait()


@contextlib.contextmanager
def _live_story(target: str, namespace: str | None) -> Iterator[LiveStory]:
    from luthier.cli.live_page import LiveStory

    if is_folder(target, namespace):
        folder = Folder(Path(target))
        yield LiveStory(experiment_of(folder.document), lambda after: list(folder.lines(after)))
        return
    with contextlib.closing(follow(target, namespace)) as ledger:
        yield LiveStory(experiment_of(ledger.document), ledger.lines, notice=lambda: ledger.notice)


def follow(name: str, namespace: str | None) -> LiveLedger:
    """Return the ledger of an experiment in the cluster, to be read again and again.

    Raises:
        Refusal: there is no such experiment, or no way to it.
    """
    from luthier.cli.cluster import connect
    from luthier.cli.windows import find_driver, open_window

    experiments = connect(namespace)
    ledger = LiveLedger(
        look=lambda: experiments.read(name),
        find_driver=lambda: find_driver(experiments, name),
        open_storage=lambda: open_window(experiments, name, lambda: ledger.is_wanted),
    )
    return ledger

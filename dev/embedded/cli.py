"""The command line: each sub-command is one function and one paragraph of help."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from embedded import api_only, builds
from embedded.errors import Failure
from embedded.pins import PROGRAMS
from embedded.progress import say

DESCRIPTION = "A real single-node Kubernetes on this machine, without an image registry."


def main(arguments: list[str] | None = None) -> int:
    """Run one sub-command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Failure as failure:
        say(failure.report())
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was started still runs: `dev/cluster down` ends it")
        return 130
    return 0


def _build(options: argparse.Namespace) -> None:
    builds.build([program for program in PROGRAMS if options.only in (None, program.name)])


def _up(options: argparse.Namespace) -> None:
    directory = options.dir or Path(tempfile.mkdtemp(prefix="api-server-"))
    print(api_only.up(directory, audit=options.audit))


def _down(options: argparse.Namespace) -> None:
    api_only.down(options.dir)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev/cluster", description=DESCRIPTION)
    commands = parser.add_subparsers(required=True)
    build = commands.add_parser("build")
    build.add_argument("--only", choices=[program.name for program in PROGRAMS])
    build.set_defaults(run=_build)
    up = commands.add_parser("up")
    up.add_argument("--api-only", action="store_true", required=True)
    up.add_argument("--dir", type=Path)
    up.add_argument("--audit", action="store_true")
    up.set_defaults(run=_up)
    down = commands.add_parser("down")
    down.add_argument("--dir", type=Path, required=True)
    down.set_defaults(run=_down)
    return parser


if __name__ == "__main__":
    sys.exit(main())

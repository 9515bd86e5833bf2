"""The command line: each sub-command is one function and one paragraph of help."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from embedded import api_only, base_image, builds, debian, definitions, full, images, scale, status
from embedded.api import Api
from embedded.debian import require_root
from embedded.errors import StepError
from embedded.pins import PROGRAMS, PROMETHEUS
from embedded.places import Layout, full_cluster
from embedded.progress import say

DESCRIPTION = """\
A real single-node Kubernetes on this machine, without an image registry.

  dev/cluster build                        build the programs (once; about 7 minutes)
  dev/cluster up                           start the cluster (seconds)
  eval "$(dev/cluster env)"                kubectl and helm talk to it from this shell
  dev/cluster build-image -f Dockerfile -t me/app:dev .
  dev/cluster load me/app:dev              pods find it as localhost/me/app:dev
  dev/cluster gpus 4                       pods may ask for nvidia.com/gpu
  dev/cluster fake-nodes 100 --gpus 8      a large cluster, as far as the API can tell
  dev/cluster prometheus                   the folder with prometheus and promtool
  dev/cluster prometheus-operator          the folder with its definitions of monitors and rules
  dev/cluster down                         end it; the next `up` is like a reboot

For tests, an API server with controllers and no node, in about three seconds:

  dev/cluster up --api-only --dir DIR      prints the kubeconfig's path
  dev/cluster down --dir DIR

Builds are kept in ${LUTHIER_DEV_CACHE:-~/.cache/luthier-dev}, the full cluster's
state and logs in ${LUTHIER_DEV_STATE:-/var/lib/luthier-dev}. Progress goes to standard
error, results to standard output.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one sub-command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except StepError as failure:
        say(failure.report())
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was started still runs: `dev/cluster down` ends it")
        return 130
    return 0


def _build(options: argparse.Namespace) -> None:
    builds.build([program for program in PROGRAMS if not options.only or program.name in options.only])
    print(builds.link_directory())


def _up(options: argparse.Namespace) -> None:
    if options.api_only:
        directory = options.dir or Path(tempfile.mkdtemp(prefix="api-server-"))
        print(api_only.up(directory, audit=options.audit))
    else:
        layout = full_cluster()
        say(f'the cluster is up after {full.up(layout)}; next: eval "$(dev/cluster env)"')
        print(layout.admin_kubeconfig)


def _down(options: argparse.Namespace) -> None:
    if options.dir is not None:
        api_only.down(options.dir, purge=options.purge)
    else:
        full.down(full_cluster(), purge=options.purge)


def _status(options: argparse.Namespace) -> None:
    print(status.page(Layout(options.dir.resolve()) if options.dir else _full()))


def _kubeconfig(_: argparse.Namespace) -> None:
    print(full_cluster().admin_kubeconfig)


def _env(_: argparse.Namespace) -> None:
    print(f'export KUBECONFIG="{_running().admin_kubeconfig}"')
    print(f'export PATH="{builds.link_directory()}:$PATH"')


def _base_image(_: argparse.Namespace) -> None:
    print(base_image.ensure())


def _prometheus(_: argparse.Namespace) -> None:
    print(debian.unpacked(*PROMETHEUS))


def _prometheus_operator(_: argparse.Namespace) -> None:
    print(definitions.prometheus_operator())


def _build_image(options: argparse.Namespace) -> None:
    images.build(
        dockerfile=options.file,
        tag=options.tag,
        context=options.context,
        arguments=options.build_arg,
        target=options.target,
    )


def _load(options: argparse.Namespace) -> None:
    images.load(_full(), options.image)


def _gpus(options: argparse.Namespace) -> None:
    layout = _running()
    scale.set_gpus(layout, Api(layout), options.count)


def _fake_nodes(options: argparse.Namespace) -> None:
    layout = _running()
    scale.set_fake_nodes(layout, Api(layout), options.count, options.gpus)


def _full() -> Layout:
    require_root()
    return full_cluster()


def _running() -> Layout:
    layout = _full()
    if not layout.admin_kubeconfig.exists() or not Api(layout).ready():
        raise StepError("the full cluster does not run", advice="`dev/cluster up` starts it")
    return layout


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dev/cluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _add_cluster_commands(commands)
    _add_image_commands(commands)
    _add_scale_commands(commands)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001  (argparse has no public name for it)


def _add_cluster_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    build = commands.add_parser("build", help="build what is not in the cache; prints the folder with kubectl and helm")
    names = [program.name for program in PROGRAMS]
    build.add_argument("--only", choices=names, action="append", help="just this program; may be repeated")
    build.set_defaults(run=_build)

    up = commands.add_parser("up", help="start what does not run yet; prints the kubeconfig's path")
    up.add_argument("--api-only", action="store_true", help="API server and controllers, no node, no root needed")
    up.add_argument("--dir", type=Path, help="with --api-only: holds its state (default: a temporary one)")
    up.add_argument("--audit", action="store_true", help="with --api-only: log every request to DIR/audit.log")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="end exactly what `up` started; builds and state stay")
    down.add_argument("--dir", type=Path, help="the API-only cluster in this directory instead of the full one")
    down.add_argument("--purge", action="store_true", help="delete the state as well: objects, volumes, images")
    down.set_defaults(run=_down)

    page = commands.add_parser("status", help="what runs, its pods, images and GPUs")
    page.add_argument("--dir", type=Path, help="of the API-only cluster in this directory")
    page.set_defaults(run=_status)

    kubeconfig = commands.add_parser("kubeconfig", help="print the admin kubeconfig's path, running or not")
    kubeconfig.set_defaults(run=_kubeconfig)
    prometheus = commands.add_parser("prometheus", help="print the folder with prometheus and promtool; fetches them")
    prometheus.set_defaults(run=_prometheus)
    monitors = commands.add_parser("prometheus-operator", help="print the folder with its definitions; fetches them")
    monitors.set_defaults(run=_prometheus_operator)
    commands.add_parser("env", help="print shell lines that set KUBECONFIG and PATH").set_defaults(run=_env)


def _add_image_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    base = commands.add_parser("base-image", help="build the Python base image; prints its reference")
    base.set_defaults(run=_base_image)

    build = commands.add_parser("build-image", help="build an image with cached layers")
    build.add_argument("-f", "--file", type=Path, required=True, metavar="DOCKERFILE")
    build.add_argument("-t", "--tag", required=True)
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    build.add_argument("--target", help="stop at this stage")
    build.add_argument("context", type=Path)
    build.set_defaults(run=_build_image)

    load = commands.add_parser("load", help="copy built images to the node, unless it has the very same")
    load.add_argument("image", nargs="+")
    load.set_defaults(run=_load)


def _add_scale_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    gpus = commands.add_parser("gpus", help="advertise nvidia.com/gpu on the real node, also after later starts")
    gpus.add_argument("count", type=_count)
    gpus.set_defaults(run=_gpus)

    fakes = commands.add_parser("fake-nodes", help="make exactly this many fake nodes; 0 removes them")
    fakes.add_argument("count", type=_count)
    fakes.add_argument("--gpus", type=_count, default=8, help="of each fake node (default: %(default)s)")
    fakes.set_defaults(run=_fake_nodes)

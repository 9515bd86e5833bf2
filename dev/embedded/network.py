"""The pods' network: a bridge, one address translation, two kernel settings; and its end.

Nothing here uses iptables: every rule is in an nftables table of its own, so
that removing the cluster is removing tables.
"""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

from embedded.commands import read
from embedded.errors import StepError
from embedded.places import Layout

POD_RANGE = "10.244.0.0/24"
BRIDGE = "luthier0"
TABLE = "luthier_dev"
NAME = "luthier-dev"  # of the pods' network
PLUGINS = Path("/usr/lib/cni")
# Services reached over the bridge come back wrong unless bridged packets pass the rules.
SETTINGS = ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables")
MASQUERADE = f"""
add table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {POD_RANGE} ip daddr != {POD_RANGE} masquerade
  }}
}}
"""


def node_address() -> str:
    """Return this machine's address on its default route; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError as error:
            raise StepError(f"no address for the node: {error}", advice="give the machine a default route") from error
        address: str = probe.getsockname()[0]
        return address


def prepare(layout: Layout) -> None:
    """Configure the bridge plugin, address translation and the kernel."""
    directory = cni_directory(layout)
    directory.mkdir(exist_ok=True)
    (directory / "10-pods.conflist").write_text(json.dumps(_pod_network(layout), indent=1))
    subprocess.run(["modprobe", "--quiet", "br_netfilter"], check=False)  # built in, on some kernels
    _remember_settings(layout)
    for setting in SETTINGS:
        _write_setting(setting, "1")
    _nft(MASQUERADE)


def remove(layout: Layout) -> None:
    """Remove the bridge and the tables, and put the kernel's settings back."""
    if BRIDGE in read(["ip", "-brief", "link"]):
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False)
    tables = read(["nft", "list", "tables"]).splitlines()
    for table in (f"ip {TABLE}", "ip kube-proxy", "ip6 kube-proxy"):
        if f"table {table}" in tables:
            _nft(f"delete table {table}")
    for setting, value in _remembered_settings(layout).items():
        _write_setting(setting, value)
    _settings_file(layout).unlink(missing_ok=True)


def cni_directory(layout: Layout) -> Path:
    """Return where containerd looks for the pods' network."""
    return layout.configuration / "cni"


def addresses_directory(layout: Layout) -> Path:
    """Return where the plugin notes which pod has which address."""
    return layout.root / "run" / "addresses"


def _pod_network(layout: Layout) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "mtu": _mtu(),
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(addresses_directory(layout)),
        },
    }
    return {"cniVersion": "0.4.0", "name": NAME, "plugins": [bridge]}


def _mtu() -> int:
    """Return the default route's packet size: a larger one on the bridge stalls downloads."""
    route = read(["ip", "-json", "route", "show", "default"])
    devices = [entry["dev"] for entry in json.loads(route or "[]")]
    return int(Path(f"/sys/class/net/{devices[0]}/mtu").read_text()) if devices else 1500


def _nft(rules: str) -> None:
    finished = subprocess.run(["nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False)
    if finished.returncode != 0:
        raise StepError(
            f"nft refused the rules: {finished.stderr.strip()}", advice="check that the kernel has nf_tables with nat"
        )


def _settings_file(layout: Layout) -> Path:
    return layout.root / "kernel-settings.json"


def _remember_settings(layout: Layout) -> None:
    if not _settings_file(layout).exists():
        before = {
            setting: Path("/proc/sys", setting).read_text().strip()
            for setting in SETTINGS
            if Path("/proc/sys", setting).exists()
        }
        _settings_file(layout).write_text(json.dumps(before))


def _remembered_settings(layout: Layout) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(_settings_file(layout).read_text())
    except FileNotFoundError:
        return {}
    return known


def _write_setting(setting: str, value: str) -> None:
    file = Path("/proc/sys", setting)
    if not file.exists():
        raise StepError(f"the kernel has no setting {setting}", advice="load the module br_netfilter")
    file.write_text(value)

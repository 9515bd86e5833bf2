"""Every version this folder builds or installs, and how long it took where it was tried.

The Go modules are pinned by their `go.mod` and `go.sum`; here is only what a `go.mod`
cannot say. Where the Kubernetes libraries can be of one version, programs are of one
module, `programs`: what they share is compiled once, which is nearly all of Helm.
"""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "1.34.4"
HELM = "3.19.5"
PYTHON_BASE_SUITE = "trixie"
DEBIAN_MIRROR = "http://deb.debian.org/debian"

_KUBERNETES_MAJOR, _KUBERNETES_MINOR, _ = KUBERNETES.split(".")
_HELM_PACKAGES = "helm.sh/helm/v3/pkg"


@dataclass(frozen=True)
class Program:
    """One Go program: the package that it is made of, the folder of its module, and how it is linked."""

    name: str
    package: str
    variables: tuple[tuple[str, str], ...] = ()
    cold_seconds: int = 120
    links: tuple[str, ...] = ()  # the names to call it by
    module: str = "programs"

    def flags(self) -> list[str]:
        """Return the flags of `go build`; no path of this machine gets into the binary."""
        assignments = [f"-X {name}={value}" for name, value in self.variables]
        return ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s -w", *assignments])]


KUBE = Program(
    "kube",
    "./kube",
    # Unset, the API server reports v0.0.0 and clients switch features off.
    variables=(
        ("k8s.io/component-base/version.gitVersion", f"v{KUBERNETES}"),
        ("k8s.io/component-base/version.gitMajor", _KUBERNETES_MAJOR),
        ("k8s.io/component-base/version.gitMinor", _KUBERNETES_MINOR),
        ("k8s.io/component-base/version.gitTreeState", "clean"),
    ),
    cold_seconds=300,
    links=("kubectl",),
)
PAUSE = Program("pause", "./pause", cold_seconds=5)
COREDNS = Program("coredns", "./coredns", cold_seconds=15)
KWOK = Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", cold_seconds=80, links=("kwok",), module="kwok")
HELM_PROGRAM = Program(
    "helm",
    "helm.sh/helm/v3/cmd/helm",
    # Unset, `helm template` renders for Kubernetes v1.20.
    variables=(
        ("helm.sh/helm/v3/internal/version.version", f"v{HELM}"),
        (f"{_HELM_PACKAGES}/chartutil.k8sVersionMajor", _KUBERNETES_MAJOR),
        (f"{_HELM_PACKAGES}/chartutil.k8sVersionMinor", _KUBERNETES_MINOR),
        (f"{_HELM_PACKAGES}/lint/rules.k8sVersionMajor", _KUBERNETES_MAJOR),
        (f"{_HELM_PACKAGES}/lint/rules.k8sVersionMinor", _KUBERNETES_MINOR),
    ),
    cold_seconds=25,
    links=("helm",),
)

# The API server and Helm come first: tests of both can start while the rest still builds.
PROGRAMS = (KUBE, HELM_PROGRAM, PAUSE, COREDNS, KWOK)

# What the node needs from Debian: a program to look for, and its package.
NODE_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "modprobe": "kmod",
}
IMAGE_PACKAGES = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
# What is unpacked and not installed: a package, and its programs.
PROMETHEUS = ("prometheus", ("prometheus", "promtool"))
# What is only downloaded: the folder with its `go.mod`, the module, and where the definitions lie in it.
PROMETHEUS_OPERATOR = (
    "prometheus-operator",
    "github.com/prometheus-operator/prometheus-operator",
    "example/prometheus-operator-crd",
)

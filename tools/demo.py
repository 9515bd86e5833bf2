"""`make demo`: from a checkout to a tuned model on a real Kubernetes, with what happens said at each step."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from install import Installed, install, step
from target import ROOT, StepFailed

EXAMPLE = "digits-pbt"


def main() -> int:
    """Install, apply the example, watch it to its end; return the exit code."""
    began = time.monotonic()
    try:
        installed = install()
        with step(f"examples/{EXAMPLE}"):
            apply_anew(installed)
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` goes on from here, `make clean-cluster` ends what runs.", file=sys.stderr)
        return 130
    except (StepFailed, FileNotFoundError) as error:
        print(f"\n{error}\n\nWhat was built stays; `make demo` goes on from there.", file=sys.stderr)
        return 1
    code = watch(installed)
    print(after(installed, time.monotonic() - began))
    return code


def apply_anew(installed: Installed) -> None:
    """Apply the example; an experiment of an earlier demo goes first."""
    installed.kubectl("delete", "tx", EXAMPLE, "--ignore-not-found", "--wait")
    installed.kubectl("apply", "-k", str(ROOT / "examples" / EXAMPLE))


def watch(installed: Installed) -> int:
    """Show the experiment until it has ended; return the exit code."""
    luthier = Path(sys.executable).parent / "luthier"
    environment = os.environ | installed.environment
    return subprocess.run([luthier, "watch", EXAMPLE, "--timeout", "900"], env=environment, check=False).returncode


def after(installed: Installed, seconds: float) -> str:
    """Return what to try next."""
    return f"""
The demo took {seconds:.0f} s. The cluster is yours:

  export KUBECONFIG={installed.kubeconfig} PATH="$PATH:{installed.tools}"
  kubectl get tx                                  every experiment in a line
  kubectl describe tx {EXAMPLE}                  its story: conditions and events
  kubectl explain tx.spec.parameters              what a manifest may say
  kubectl apply -k examples/digits-asha           the next one
  {Path(sys.executable).parent.relative_to(ROOT)}/luthier best {EXAMPLE} --format args    the winner, to paste

`make clean-cluster` ends all of it."""


if __name__ == "__main__":
    sys.exit(main())

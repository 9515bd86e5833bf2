"""What the tests on the embedded cluster need, built and not started: its programs and all images."""

from __future__ import annotations

import sys

from target import OPERATOR, TORCH, TRIAL, Embedded, StepFailed

if __name__ == "__main__":
    target = Embedded()
    try:
        target.tools()
        target.build([OPERATOR, TRIAL, TORCH])
    except StepFailed as error:
        sys.exit(str(error))

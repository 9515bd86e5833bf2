"""What holds for all tests: generated examples have no deadline, for how long one takes is the machine's business."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("luthier", deadline=None)
settings.load_profile("luthier")

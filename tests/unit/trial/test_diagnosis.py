"""From an error to a class of failure: one row a way in which code or machine says it."""

from __future__ import annotations

import pytest
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from luthier.api.failures import Cause
from luthier.trial.command import ProgramFailed
from luthier.trial.diagnosis import address_in, diagnose, in_the_users_words
from luthier.trial.errors import BadCheckpoint, StorageFull

LOST = """The actor died unexpectedly before finishing this task.
	class_name: Train
	ip: 10.244.0.7
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR. Some common causes include:
(1) the process was killed by the OOM killer due to high memory usage, (2) ray stop --force was called."""
FROM_RAY = """\x1b[36mray::Train.train()\x1b[39m (pid=7, ip=10.244.0.7, repr=<Train object>)
           ^^^^^^^^^^^^^^^^^^
  File "/venv/lib/python3.11/site-packages/ray/tune/trainable/trainable.py", line 331, in train
    raise skipped from exception_cause(skipped)
  File "/luthier/code/train.py", line 12, in train
    loss = step(config)
  File "/luthier/code/train.py", line 5, in step
    raise ValueError("x is no good")
ValueError: x is no good"""


def an_error(name, base):
    """A class that the tests' environment does not have, by its full name."""
    module, name = name.rsplit(".", 1)
    return type(name, (base,), {"__module__": module})


def raised(error):
    """As it comes from a trial's process."""
    return RayTaskError("train", f"Traceback\n{type(error).__name__}: {error}", error).as_instanceof_cause()


WAYS = {
    "code that raises": (raised(ValueError("no")), Cause.EXCEPTION),
    "Python without memory": (raised(MemoryError("no room for 9 GiB")), Cause.OUT_OF_MEMORY),
    "torch without GPU memory": (
        raised(an_error("torch.OutOfMemoryError", RuntimeError)("Tried to allocate 2 GiB")),
        Cause.CUDA_OUT_OF_MEMORY,
    ),
    "CuPy": (
        raised(an_error("cupy.cuda.memory.OutOfMemoryError", MemoryError)("Out of memory allocating 9 bytes")),
        Cause.CUDA_OUT_OF_MEMORY,
    ),
    "Numba": (
        raised(RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")),
        Cause.CUDA_OUT_OF_MEMORY,
    ),
    "NumPy": (
        raised(an_error("numpy._core._exceptions._ArrayMemoryError", MemoryError)("Unable to allocate 9 GiB")),
        Cause.OUT_OF_MEMORY,
    ),
    "torch as it was before 2.5": (raised(RuntimeError("CUDA out of memory. Tried")), Cause.CUDA_OUT_OF_MEMORY),
    "CUDA itself": (raised(RuntimeError("CUDA error: out of memory")), Cause.CUDA_OUT_OF_MEMORY),
    "cuBLAS": (raised(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")), Cause.CUDA_OUT_OF_MEMORY),
    "JAX": (raised(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")), Cause.CUDA_OUT_OF_MEMORY),
    "TensorFlow": (
        raised(RuntimeError("OOM when allocating tensor with shape[9] and type float on /device:GPU:0")),
        Cause.CUDA_OUT_OF_MEMORY,
    ),
    "words about memory that say nothing": (raised(ValueError("the GPU is out")), Cause.EXCEPTION),
    "Ray's own monitor": (
        OutOfMemoryError("Task was killed due to the node running low on memory."),
        Cause.OUT_OF_MEMORY,
    ),
    "Ray's own monitor, of an actor": (
        RayActorError(error_msg="The actor died because its node was running low on memory"),
        Cause.OUT_OF_MEMORY,
    ),
    "a process that is gone": (RayActorError(error_msg=LOST), Cause.WORKER_LOST),
    "a setup that fails": (
        RayActorError(error_msg="The actor died because of an error raised in its creation task, ValueError: no data"),
        Cause.EXCEPTION,
    ),
    "a setup without memory": (
        RayActorError(error_msg="The actor died because of an error raised in its creation task, x\nMemoryError: no"),
        Cause.OUT_OF_MEMORY,
    ),
    "a program that fails": (raised(ProgramFailed("exit code 3; last lines:\nno luck")), Cause.EXIT_CODE),
    "a program without GPU memory": (
        raised(ProgramFailed("exit code 1; last lines:\ntorch.OutOfMemoryError: CUDA out of memory.")),
        Cause.CUDA_OUT_OF_MEMORY,
    ),
    "a program without memory": (
        raised(ProgramFailed("exit code 1; last lines:\nTraceback\nMemoryError")),
        Cause.OUT_OF_MEMORY,
    ),
    "a program on NumPy without memory": (
        raised(ProgramFailed("exit code 1; last lines:\nnumpy._core._exceptions._ArrayMemoryError: no room")),
        Cause.OUT_OF_MEMORY,
    ),
    "a torn checkpoint": (raised(BadCheckpoint("t0000_1_1/checkpoint_000001: torn")), Cause.BAD_CHECKPOINT),
    "a full storage": (raised(StorageFull("no room", 9)), Cause.STORAGE_FULL),
}


@pytest.mark.parametrize(("error", "cause"), WAYS.values(), ids=WAYS)
def test_what_says_it_is_known_for_what_it_is(error, cause):
    assert diagnose(error).cause is cause


@pytest.mark.parametrize(
    ("error", "is_unexplained"),
    [
        (RayActorError(error_msg=LOST), True),
        (raised(ProgramFailed("exit code 137; last lines:\n")), True),
        (raised(ProgramFailed("exit code -9; last lines:\n")), True),
        (raised(ProgramFailed("exit code 9; last lines:\n")), False),
        (raised(ValueError("no")), False),
    ],
    ids=["a lost process", "a program killed in a shell", "a killed program", "a failed program", "raising code"],
)
def test_only_what_was_ended_from_outside_needs_an_explanation(error, is_unexplained):
    assert diagnose(error).is_unexplained is is_unexplained


def test_the_message_keeps_the_users_own_lines_and_leaves_out_rays():
    assert in_the_users_words(FROM_RAY).splitlines() == [
        '  File "/luthier/code/train.py", line 12, in train',
        "    loss = step(config)",
        '  File "/luthier/code/train.py", line 5, in step',
        '    raise ValueError("x is no good")',
        "ValueError: x is no good",
    ]


def test_the_address_of_a_lost_process_is_in_what_ray_says():
    assert address_in(LOST) == "10.244.0.7"
    assert address_in("gone") is None

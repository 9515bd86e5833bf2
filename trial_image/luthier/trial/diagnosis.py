"""Why a run ended badly: from the error that Ray hands over to a class of failure and the words to go with it.

Libraries say that memory is short in ways of their own, so their errors are known by name and by words.
What ended from outside Ray cannot explain; whoever knows the node may.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from luthier.api.failures import Cause
from luthier.api.text import printable
from luthier.trial.errors import BadCheckpoint, StorageFull

BORN_DEAD = "raised in its creation task"
"""How Ray says that the process could not be set up: the error is the code's, and no worker was lost."""
SHORT_OF_MEMORY = re.compile(r"NODE_OUT_OF_MEMORY|running low on memory")
"""How Ray says that it ended a process itself, for the node's memory; of a kernel's kill it only lists the chance."""
SHORT_OF_GPU_MEMORY = re.compile(
    r"(CUDA|HIP|GPU|cuda\w*)\b.{0,40}out of memory|cudaErrorMemoryAllocation|CU\w+_STATUS_ALLOC_FAILED"
    r"|CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED: Out of memory|OOM when allocating tensor.*device:GPU"
    r"|^(torch|cupy)\.(\w+\.)*OutOfMemoryError\b",
    re.IGNORECASE | re.MULTILINE,
)
"""How CUDA, ROCm, their libraries, JAX and TensorFlow say it; CuPy's error is a MemoryError, too."""
SHORT_OF_OWN_MEMORY = re.compile(r"^(\w+\.)*\w*MemoryError\b", re.MULTILINE)
"""How Python says it, or NumPy."""
KILLED = re.compile(r"^exit code (-9|137);")
ADDRESS = re.compile(r"^\s*ip: (\S+)$", re.MULTILINE)
"""How Ray says on which node an actor was."""
HEADING = re.compile(r"ray::\S+ \(pid=")
"""What Ray puts above a traceback; marks of lines that it has left out may follow."""
FRAME = re.compile(r'^\s*File "(?P<path>[^"]*)", line \d+')
LIBRARY = re.compile(r"/site-packages/ray/|/luthier/trial/|/lib/python[\d.]+/(threading|concurrent)")
"""Frames of Ray, of this runtime and of threads: no line there is the user's."""


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a run's bad end."""

    cause: Cause
    message: str
    is_unexplained: bool = False
    """It was ended from outside; its node may know why."""


def diagnose(error: Exception) -> Diagnosis:
    """Return the class of failure and its message for a run's error."""
    message = printable(str(error))
    if isinstance(error, OutOfMemoryError):
        return Diagnosis(Cause.OUT_OF_MEMORY, message)
    if isinstance(error, RayActorError):
        return _of_a_process(message)
    if isinstance(error, RayTaskError):
        return _of_code(error)
    return Diagnosis(Cause.EXCEPTION, f"{type(error).__name__}: {message}")


def _of_a_process(message: str) -> Diagnosis:
    if BORN_DEAD in message:
        last = message.rstrip().rsplit("\n", 1)[-1]
        return Diagnosis(_memory_in(last) or Cause.EXCEPTION, in_the_users_words(message))
    if SHORT_OF_MEMORY.search(message):
        return Diagnosis(Cause.OUT_OF_MEMORY, message)
    return Diagnosis(Cause.WORKER_LOST, message, is_unexplained=True)


def _of_code(error: RayTaskError) -> Diagnosis:
    raised = error.cause
    words = printable(str(raised))
    if isinstance(raised, BadCheckpoint):
        return Diagnosis(Cause.BAD_CHECKPOINT, words)
    if isinstance(raised, StorageFull):
        return Diagnosis(Cause.STORAGE_FULL, words)
    if "ProgramFailed" in type(error).__name__:
        cause = _memory_in(words)
        return Diagnosis(cause or Cause.EXIT_CODE, words, is_unexplained=not cause and bool(KILLED.match(words)))
    names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(raised).__mro__]
    cause = _memory_in("\n".join([*names, words]))
    return Diagnosis(cause or Cause.EXCEPTION, in_the_users_words(printable(str(error))))


def _memory_in(words: str) -> Cause | None:
    """Return which memory was short, if that is what an error says."""
    if SHORT_OF_GPU_MEMORY.search(words):
        return Cause.CUDA_OUT_OF_MEMORY
    return Cause.OUT_OF_MEMORY if SHORT_OF_OWN_MEMORY.search(words) else None


def in_the_users_words(traceback: str) -> str:
    """Return a traceback with the frames of the user's own code alone, so that its end is what the user can mend."""
    kept: list[str] = []
    is_foreign = False
    for line in printable(traceback).splitlines():
        frame = FRAME.match(line)
        if frame:
            is_foreign = bool(LIBRARY.search(frame["path"]))
        elif not line.startswith(" "):  # the error itself, or another one's heading
            is_foreign = bool(HEADING.search(line))
        if not is_foreign:
            kept.append(line)
    return "\n".join(kept)


def address_in(message: str) -> str | None:
    """Return the address of the node that a lost actor was on, as far as Ray says it."""
    found = ADDRESS.search(message)
    return found[1] if found else None

"""What can go wrong between the operator and the API server.

ClusterError
├── UnavailableError     no answer, too many requests, or a fault of the server: try again
├── NotFoundError        the object, or its namespace, is not there
├── ConflictError        the object has changed since it was read: read again
├── AlreadyExistsError   a create found the name taken
├── NotLeadingError      nothing was asked: another operator may be leading
└── RefusedError         the server will not do it, and says why
    ├── QuotaExceededError   a ResourceQuota stands in the way
    ├── ForbiddenError       RBAC, Pod Security or another admission check
    └── RejectedError        the object is not valid
"""

from __future__ import annotations

from typing import ClassVar


class ClusterError(Exception):
    """The API server did not do what it was asked; `str()` is its message."""

    reason: ClassVar[str] = "ClusterError"
    """Stable word for conditions and metrics."""


class UnavailableError(ClusterError):
    """No answer, too many requests, or a fault of the server."""

    reason = "ApiUnavailable"

    def __init__(self, message: str, retry_after_seconds: float = 0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """What the server asked to wait for at least."""


class NotFoundError(ClusterError):
    """The object, or its namespace, is not there."""

    reason = "NotFound"


class ConflictError(ClusterError):
    """The object has changed since it was read."""

    reason = "Conflict"


class AlreadyExistsError(ClusterError):
    """A create found the name taken."""

    reason = "AlreadyExists"


class NotLeadingError(ClusterError):
    """Nothing was asked, since another operator may be leading."""

    reason = "NotLeading"


class RefusedError(ClusterError):
    """The server will not do it, and says why."""

    reason = "Refused"


class QuotaExceededError(RefusedError):
    """A ResourceQuota stands in the way."""

    reason = "QuotaExceeded"


class ForbiddenError(RefusedError):
    """RBAC, Pod Security or another admission check."""

    reason = "Forbidden"


class RejectedError(RefusedError):
    """The object is not valid."""

    reason = "Rejected"


def from_answer(code: int, reason: str, message: str, retry_after: str = "") -> ClusterError:
    """Return the error that an answer of the API server stands for.

    `reason` and `message` are those of its `Status` object, `retry_after` the header of that name.
    """
    if code == 404:
        return NotFoundError(message)
    if code == 409:
        return AlreadyExistsError(message) if reason == "AlreadyExists" else ConflictError(message)
    if code == 403:
        return QuotaExceededError(message) if "exceeded quota" in message else ForbiddenError(message)
    if code in (400, 405, 413, 415, 422):
        return RejectedError(message)
    if code == 500 and "webhook" in message:
        return ForbiddenError(message)  # an admission webhook that does not answer refuses as surely as one that does
    return UnavailableError(message, float(retry_after) if retry_after.isdecimal() else 0)

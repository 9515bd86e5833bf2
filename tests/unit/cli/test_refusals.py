"""What the API server refuses is told in its own words, whichever way it was asked."""

from __future__ import annotations

import pytest
from websocket import WebSocketBadStatusException

from luthier.cli.refusals import message_of
from luthier.cli.tunnel import refused

HEADERS = "Handshake status 400 Bad Request -+-+- {'audit-id': '5aee'} -+-+- b'{}'"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"kind": "Status", "message": "pod p does not have a host assigned"}',
            "pod p does not have a host assigned",
        ),
        (b"a proxy's page", "Handshake status 400 Bad Request"),
        (None, "Handshake status 400 Bad Request"),
    ],
    ids=["by the API server", "by something else", "without a word"],
)
def test_a_refused_upgrade_is_a_sentence(body: bytes | None, said: str) -> None:
    exception = refused(WebSocketBadStatusException(HEADERS, 400, resp_body=body))
    assert (exception.status, message_of(exception)) == (400, said)


def test_a_connection_that_is_not_made_has_its_reason() -> None:
    assert message_of(refused(ConnectionRefusedError(111, "Connection refused"))) == "[Errno 111] Connection refused"

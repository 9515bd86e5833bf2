"""Certificates by which the pods of one experiment know each other, tried with real TLS over a socket."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from luthier.trial.ray_tls import CA, CERTIFICATE, KEY, SWITCH, write_certificate

TOKEN = "a token of one experiment"


@pytest.fixture
def pod(tmp_path):
    """Make a pod's certificate with a token, for some addresses; give its environment."""

    def make(name, token=TOKEN, names=("10.1.2.3",), switch="1"):
        folder = tmp_path / name
        paths = {CA: folder / "ca.crt", CERTIFICATE: folder / "tls.crt", KEY: folder / "tls.key"}
        environment = {SWITCH: switch, **{variable: str(path) for variable, path in paths.items()}}
        write_certificate(token, names, environment)
        return environment

    return make


@pytest.mark.parametrize(
    "called", ["10.1.2.3", "driver-1.digits-12345.team-a.svc", "127.0.0.1", "localhost", "fd00::7"]
)
def test_two_pods_with_the_same_token_believe_each_other_under_each_of_their_names(pod, called):
    head = pod("head", names=("10.1.2.3", "driver-1.digits-12345.team-a.svc", "fd00::7"))
    assert greet(head, pod("worker", names=("10.1.2.4",)), called) == b"hello"


def test_a_pod_is_not_believed_under_another_ones_name(pod):
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        greet(pod("head"), pod("worker"), "10.9.9.9")


def test_another_token_makes_certificates_that_nobody_here_believes(pod):
    head, stranger = pod("head"), pod("stranger", token="a token of another experiment")
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(head, stranger, "10.1.2.3")
    with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca|decrypt.error"):
        greet(head, stranger, "10.1.2.3", trusting=False)


def test_nobody_is_heard_without_a_certificate(pod):
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
        greet(pod("head"), None, "10.1.2.3")


def test_only_the_pods_user_reads_its_files_and_a_second_program_writes_them_anew(pod):
    first = Path(pod("head")[KEY]).read_bytes()
    key = Path(pod("head")[KEY])
    assert key.read_bytes() != first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_nothing_is_written_where_ray_does_not_speak_tls(pod):
    assert not Path(pod("alone", switch="0")[KEY]).parent.exists()


def greet(server, client, called, *, trusting=True):
    """Have a client call a server by a name, both as Ray's do; return what the server says once it believes him."""
    here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=server[CA])
    here.load_cert_chain(server[CERTIFICATE], server[KEY])
    here.verify_mode = ssl.CERT_REQUIRED
    there = ssl.create_default_context(cafile=client[CA] if client else server[CA])
    if client:
        there.load_cert_chain(client[CERTIFICATE], client[KEY])
    if not trusting:
        there.check_hostname, there.verify_mode = False, ssl.CERT_NONE
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(here, ours))
    thread.start()
    try:
        with there.wrap_socket(theirs, server_hostname=called) as heard:
            return heard.recv(5)
    finally:
        theirs.close()
        thread.join()


def _serve(context, end):
    try:
        with context.wrap_socket(end, server_side=True) as speaking:
            speaking.sendall(b"hello")
    except (ssl.SSLError, OSError):
        end.close()

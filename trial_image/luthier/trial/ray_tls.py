"""How the pods of one experiment know each other: each makes itself a certificate that only they can make.

Ray asks for its token only after it has read a call, and some calls it answers without one; with mutual TLS a stranger
does not come so far. All pods have one secret, the token, so the authority that signs is derived from it: nothing more
has to be made, kept or handed out, and a pod can name the address that it got only now.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

SWITCH, CA, CERTIFICATE, KEY = "RAY_USE_TLS", "RAY_TLS_CA_CERT", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY"
"""Ray's own variables: `1`, and three paths of PEM files."""
PURPOSE = b"luthier: authority of the Ray of one experiment"
VALID = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
"""A certificate dies with its pod and the authority with its experiment; clocks of nodes may differ."""
CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve's group (NIST SP 800-186, P-256)."""


def write_certificate(token: str, names: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
    """Write what Ray's variables name, for a pod with these host names or addresses; nothing where TLS is off.

    The loopback address is always among them. Raises `KeyError` where a path is missing.
    """
    if environment.get(SWITCH, "0") != "1":
        return
    authority = _authority(token)
    key = ec.generate_private_key(CURVE)
    unique = dict.fromkeys((*names, "127.0.0.1", "localhost"))
    certificate = (
        _certificate(authority, key.public_key(), "node", x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in unique]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    itself = (
        _certificate(authority, authority.public_key(), "authority", 1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority, hashes.SHA256())
    )
    _write(Path(environment[CA]), itself.public_bytes(serialization.Encoding.PEM))
    _write(Path(environment[CERTIFICATE]), certificate.public_bytes(serialization.Encoding.PEM))
    unprotected = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(Path(environment[KEY]), key.private_bytes(serialization.Encoding.PEM, *unprotected))


def _authority(token: str) -> ec.EllipticCurvePrivateKey:
    """Return the key that everybody with this token has (RFC 5869; 128 bits more than needed, so no bias)."""
    secret = HKDF(hashes.SHA256(), length=48, salt=None, info=PURPOSE).derive(token.encode())
    return ec.derive_private_key(1 + int.from_bytes(secret) % (ORDER - 1), CURVE)


def _certificate(
    authority: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePublicKey, subject: str, serial: int
) -> x509.CertificateBuilder:
    """Begin a certificate; it names the authority's key, so that one of another experiment is told apart."""
    signer = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_common_name(subject))
        .issuer_name(_common_name("authority"))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(VALID[0])
        .not_valid_after(VALID[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
    )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"luthier {name}")])


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """Write a file that only this user reads; what a program before us left in its place goes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)

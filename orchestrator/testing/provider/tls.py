"""A certificate that nobody has vouched for, made when it is needed."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

Tls = bool | Literal["expired"]


class SelfSigned(NamedTuple):
    """What a server needs, and the certificate in PEM for clients that shall trust it."""

    context: ssl.SSLContext
    certificate: str


def self_signed(*, expired: bool = False) -> SelfSigned:
    """For 127.0.0.1 and localhost, valid from yesterday for two days; `expired` ended an hour ago."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scripted provider")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now - timedelta(hours=1) if expired else now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    pem = certificate.public_bytes(encoding)
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:  # ssl reads keys from files only; the folder is this user's alone
        (file := Path(folder) / "both.pem").write_bytes(secret + pem)
        context.load_cert_chain(file)
    return SelfSigned(context, pem.decode())

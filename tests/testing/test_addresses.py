"""Addresses with a fault: what connecting to them does."""

import socket
import ssl
import sys
from urllib.parse import urlsplit

import pytest

from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only there a full queue drops what knocks")


def connect(name: str) -> None:
    with ADDRESSES[name].opened() as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port or 80), timeout=0.1) as connection:
            with ssl.create_default_context().wrap_socket(connection, server_hostname=address.hostname):
                pass


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("unknown_host", socket.gaierror, "Name or service|name resolution|not known"),
        ("refused", ConnectionRefusedError, "refused"),
        pytest.param("black_hole", TimeoutError, "timed out", marks=LINUX),
        ("self_signed", ssl.SSLCertVerificationError, "self-signed"),
        ("expired", ssl.SSLCertVerificationError, "self-signed|expired"),
    ],
)
def test_connecting_fails_as_the_name_says(name: str, error: type[OSError], says: str) -> None:
    with pytest.raises(error, match=says):
        connect(name)


def test_every_address_is_tried_here() -> None:
    assert {*ADDRESSES} == {"unknown_host", "refused", "black_hole", "self_signed", "expired"}
    assert all(name == address.name and address.about for name, address in ADDRESSES.items())

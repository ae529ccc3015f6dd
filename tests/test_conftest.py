"""The guard that every other test relies on."""

import socket

import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com", "2001:db8::1"])
def test_a_connection_that_would_leave_the_machine_fails(address: str) -> None:
    with pytest.raises(AssertionError, match="this machine only"):
        socket.create_connection((address, 80), timeout=0.1)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_number_that_needs_no_look_up_is_guarded_as_well(kind: socket.SocketKind) -> None:
    with socket.socket(type=kind) as out, pytest.raises(AssertionError, match="this machine only"):
        out.connect(("192.0.2.1", 80))


def test_loopback_and_unix_sockets_are_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with socket.socket(socket.AF_UNIX) as unix, pytest.raises(FileNotFoundError):
        unix.connect("/nowhere/at/all")

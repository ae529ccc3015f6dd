"""The socket itself: where it is, who may use it, and what it makes of those who misuse it."""

import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest

from bullpen.orchestrator.control import client, server
from bullpen.orchestrator.control.place import connected, listening, socket_of
from bullpen.orchestrator.control.protocol import LINE_BYTES_MOST, Asker, Pause, Reply, Request, line_of, read_line
from bullpen.orchestrator.errors import BadInput, Refused, Unavailable
from bullpen.orchestrator.journal.overview import Overview
from bullpen.orchestrator.journal.reader import Run
from bullpen.orchestrator.journal.record import Whole

from ..words.odd import Outside

pytestmark = pytest.mark.anyio
JOB = "01a0"


@pytest.fixture
def anyio_backend() -> str:
    """Sockets are real."""
    return "asyncio"


@pytest.fixture(params=["short", "long"])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that is held, in a folder whose path fits a socket's address or does not."""
    short = tmp_path / "runs"
    folder = short if request.param == "short" else short.joinpath(*["a rather long name of a folder"] * 5)
    folder.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(_short_folder(tmp_path)))
    return Run(folder / f"{JOB}.run", Whole((), Overview()), held=True)


def _short_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "t"
    folder.mkdir()
    return folder


def is_there(path: Path) -> bool:
    return os.path.lexists(path)


class Said:
    """Answers every request, and keeps who asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Asker]] = []

    async def __call__(self, request: Request, asker: Asker) -> Reply:
        self.asked.append((request, asker))
        return Reply(is_done=True, said=f"heard {len(self.asked)}")


@asynccontextmanager
async def served(path: Path, answer: server.Answer) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve, path, answer)
        await anyio.wait_all_tasks_blocked()
        yield
        group.cancel_scope.cancel()


async def exchange(path: Path, sent: bytes) -> bytes:
    """What comes back for these bytes, from another thread; sending stops where the other end has left."""

    def both() -> bytes:
        with connected(path, timeout_s=20) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            with connection.makefile("rb") as answers:
                return answers.readline()

    return await anyio.to_thread.run_sync(both)


async def test_a_command_arrives_with_who_asked_and_the_socket_is_private_and_gone_afterwards(run: Run) -> None:
    answer, path = Said(), socket_of(run.path)
    async with served(path, answer):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        reply = await anyio.to_thread.run_sync(client.send, run, Pause())

    assert reply.said == "heard 1"
    assert answer.asked == [(Request(job=JOB, command=Pause()), Asker(pid=os.getpid(), uid=os.geteuid()))]
    assert mode == 0o600
    assert not is_there(path)


def test_a_long_path_leaves_no_folder_behind(run: Run) -> None:
    path = socket_of(run.path)
    with listening(path):
        assert path.is_symlink() == (len(os.fsencode(path)) > 103)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


async def test_two_clients_at_once_are_both_answered(run: Run) -> None:
    answer, path = Said(), socket_of(run.path)
    async with served(path, answer):
        silent = await anyio.to_thread.run_sync(lambda: connected(path, timeout_s=20))
        try:
            async with anyio.create_task_group() as group:
                for _ in range(8):
                    group.start_soon(anyio.to_thread.run_sync, client.send, run, Pause())
        finally:
            silent.close()

    assert len(answer.asked) == 8


GARBAGE: list[tuple[bytes, str]] = [
    (b"hello\n", "not JSON"),
    (b"\x00\xff\n", "not JSON"),
    (b"", "no end"),
    (b'{"version":1', "no end"),
    (b'{"version":7,"job":"01a0","command":{"command":"pause"}}\n', "version 7"),
    (b"x" * (2 * LINE_BYTES_MOST), "longer than"),
]


@pytest.mark.parametrize(("sent", "named"), GARBAGE, ids=["word", "bytes", "nothing", "half", "version", "oversize"])
async def test_garbage_is_answered_by_name_and_harms_nobody(run: Run, sent: bytes, named: str) -> None:
    answer, path = Said(), socket_of(run.path)
    async with served(path, answer):
        reply = read_line(await exchange(path, sent), Reply)
        after = await anyio.to_thread.run_sync(client.send, run, Pause())

    assert (reply.is_done, named in reply.said) == (False, True)
    assert after.is_done
    assert len(answer.asked) == 1


async def test_a_client_that_leaves_before_it_is_answered_harms_nobody(run: Run) -> None:
    answer, path = Said(), socket_of(run.path)
    async with served(path, answer):
        for _ in range(3):
            with await anyio.to_thread.run_sync(lambda: connected(path, timeout_s=20)) as connection:
                connection.sendall(line_of(Request(job=JOB, command=Pause())))
        reply = await anyio.to_thread.run_sync(client.send, run, Pause())

    assert reply.is_done


async def test_a_defect_of_ours_is_told_and_ends_nothing(run: Run) -> None:
    async def fails(request: Request, asker: Asker) -> Reply:
        raise LookupError("upside down")

    async with served(socket_of(run.path), fails):
        with pytest.raises(Refused, match="LookupError: upside down"):
            await anyio.to_thread.run_sync(client.send, run, Pause())


async def test_another_users_request_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Said()
    monkeypatch.setattr(server, "peer_of", lambda connection: Asker(pid=1, uid=os.geteuid() + 1))
    async with served(socket_of(run.path), answer):
        with pytest.raises(Refused, match="may not control"):
            await anyio.to_thread.run_sync(client.send, run, Pause())

    assert answer.asked == []


async def test_a_socket_held_by_another_user_is_told_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Said()
    monkeypatch.setattr(client, "peer_of", lambda connection: Asker(pid=1, uid=os.geteuid() + 1))
    async with served(socket_of(run.path), answer):
        with pytest.raises(Refused, match="is held by user"):
            await anyio.to_thread.run_sync(client.send, run, Pause())

    assert answer.asked == []


def _abandoned(path: Path) -> None:
    """What a killed process leaves: a socket that nobody listens to."""
    address = path
    if len(os.fsencode(path)) > 103:
        address = Path(tempfile.mkdtemp(prefix="bullpen-")) / "control"
        path.symlink_to(address)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(address))


async def test_a_killed_processs_socket_is_recognised_and_replaced(run: Run) -> None:
    answer, path = Said(), socket_of(run.path)
    _abandoned(path)
    with pytest.raises(Unavailable, match="cannot be reached"):
        client.send(run, Pause())
    async with served(path, answer):
        reply = await anyio.to_thread.run_sync(client.send, run, Pause())

    assert reply.is_done
    assert not is_there(path)


async def test_a_link_to_something_else_is_removed_and_what_it_names_is_not(run: Run, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    socket_of(run.path).symlink_to(precious)
    async with served(socket_of(run.path), Said()):
        assert (await anyio.to_thread.run_sync(client.send, run, Pause())).is_done

    assert precious.read_text() == "keep"


@contextmanager
def another_programs_socket(tmp_path: Path) -> Iterator[Path]:
    """A socket of this user's that somebody listens to, such as that of a key agent."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        yield tmp_path / "agent"


def test_a_link_to_another_programs_socket_is_not_gone_through_and_the_socket_stays(run: Run, tmp_path: Path) -> None:
    path = socket_of(run.path)
    with another_programs_socket(tmp_path) as agent:
        path.symlink_to(agent)
        with pytest.raises(ConnectionRefusedError, match=r"is no socket of this user's"):
            connected(path, timeout_s=20)
        with listening(path):
            assert not path.is_symlink() or os.readlink(path) != str(agent)

        assert agent.is_socket()
        assert not is_there(path)


@pytest.mark.parametrize("odd", ["pipe", "folder", "file"])
def test_something_else_in_a_sockets_place_is_named_and_left_alone(run: Run, tmp_path: Path, odd: str) -> None:
    path = socket_of(run.path)
    path.write_bytes(b"") if odd == "file" else Outside(tmp_path).stand_in(odd, path)

    with pytest.raises(ConnectionRefusedError, match="is no socket of this user's"):
        connected(path, timeout_s=20)
    with pytest.raises(FileExistsError, match="move it away"), listening(path):
        pass

    assert is_there(path)


def test_a_socket_of_another_users_is_not_connected_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path = socket_of(run.path)
    with listening(path):
        connected(path, timeout_s=20).close()
        monkeypatch.setattr(os, "geteuid", lambda: 1 << 20)
        with pytest.raises(ConnectionRefusedError, match="is no socket of this user's"):
            connected(path, timeout_s=20)
        monkeypatch.undo()


async def test_jobs_that_are_not_running_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was interrupted: its process is gone"):
        client.send(Run(tmp_path / "a.run", Whole((), Overview()), held=False), Pause())
    with pytest.raises(Unavailable, match="is running and cannot be reached"):
        client.send(Run(tmp_path / "a.run", Whole((), Overview()), held=True), Pause())

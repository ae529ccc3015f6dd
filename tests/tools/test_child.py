"""The limits of a parser: whatever it does, the caller gets a named reason, and the next document its text."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from bullpen.orchestrator.evidence import Document
from bullpen.tools import child as module
from bullpen.tools import read_corpus
from bullpen.tools.child import Child, Limits, Unparsed
from bullpen.tools.children import MOST, cores
from bullpen.tools.corpus import BATCH

from . import making

Processes = list["subprocess.Popen[bytes]"]

ANSWER = {"text": "words", "title": "", "metadata": {}}
SAY = "import sys, time, os; say = lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush()); "
ECHO = f"""{SAY}
while head := sys.stdin.buffer.readline():
    sys.stdin.buffer.read(int(head.split()[1]))
    reply = {json.dumps(ANSWER).encode()!r}
    say(len(reply).to_bytes(8, "big") + reply)
"""
#: Runs the real loop around a parser of one expression.
LOOP = """import sys, types, socket, subprocess
from bullpen.tools import parse
parser = types.SimpleNamespace(parse=lambda data, limits: {})
parse.import_module = lambda *_: parser
parse.main()
"""


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Every process that is started; at the end, none of them may be left."""
    started: Processes = []
    start = module._start

    def watched(limits: Limits) -> "subprocess.Popen[bytes]":
        started.append(start(limits))
        return started[-1]

    monkeypatch.setattr(module, "_start", watched)
    yield started
    assert [process for process in started if process.returncode is None] == []


@pytest.fixture
def run_instead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Processes]:
    """Has scripts run in the place of the parser: the first for the first child, the last for all that follow."""

    def instead(*scripts: str) -> Processes:
        started: Processes = []

        def start(limits: Limits) -> "subprocess.Popen[bytes]":
            script = scripts[min(len(started), len(scripts) - 1)]
            command = [sys.executable, "-c", script, json.dumps(limits)]
            pipe = subprocess.PIPE
            started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0))
            return started[-1]

        monkeypatch.setattr(module, "_start", start)
        return started

    return instead


def test_one_child_serves_many_documents_and_ends_with_its_use(processes: Processes) -> None:
    with Child() as child:
        assert processes == []
        for _ in range(3):
            assert child.parse(".docx", making.word()).title == "Budget note"
        with pytest.raises(Unparsed, match="not a PDF"):
            child.parse(".pdf", b"x")
        assert len(processes) == 1
    assert processes[0].returncode == -signal.SIGKILL


def test_a_child_is_replaced_after_many_documents(monkeypatch: pytest.MonkeyPatch, processes: Processes) -> None:
    monkeypatch.setattr(module, "DOCUMENTS_MAX", 2)
    with Child() as child:
        for _ in range(3):
            with pytest.raises(Unparsed, match="not a PDF"):
                child.parse(".pdf", b"x")
    assert len(processes) == 2


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit", "the parser crashed"),
        ("import os; os.abort()", "the parser crashed"),
        (f"{SAY} sys.stdin.buffer.readline(); os._exit(70)", r"the parser ran out of memory \(1536 MB\)"),
        (f"{SAY} say(b'good morning, here I am')", "the parser crashed"),
        (f"{SAY} say((2).to_bytes(8, 'big') + b'[]'); time.sleep(60)", "the parser crashed"),
        (f"{SAY} say((2).to_bytes(8, 'big') + b'{{}}'); time.sleep(60)", "the parser crashed"),
        (f"{SAY} say((2**40).to_bytes(8, 'big')); time.sleep(60)", "the parser crashed"),
        (f"{SAY} time.sleep(60)", "the parser was stopped after 0.2 s"),
        (f"{SAY} say((90).to_bytes(8, 'big') + b'half'); time.sleep(60)", "the parser was stopped after 0.2 s"),
    ],
)
def test_a_child_that_fails_is_named_and_replaced(
    run_instead: Callable[..., Processes], script: str, reason: str
) -> None:
    started = run_instead(script, ECHO)
    with Child(Limits(seconds=0.2 if "0.2 s" in reason else 30.0)) as child:
        with pytest.raises(Unparsed, match=f"^{reason}$"):
            child.parse(".pdf", bytes(2**20))
        assert started[0].returncode is not None
        child._limits = Limits()
        assert child.parse(".pdf", b"x").text == "words"
        assert len(started) == 2


def test_a_child_that_somebody_else_killed_is_replaced(processes: Processes) -> None:
    with Child() as child:
        child.parse(".docx", making.word())
        processes[0].kill()
        processes[0].wait()
        assert child.parse(".docx", making.word()).title == "Budget note"


@pytest.mark.parametrize("megabytes", [200, 330])
def test_memory_is_limited(processes: Processes, megabytes: int) -> None:
    large = making.changed(
        making.word(), "word/document.xml", lambda xml: xml.replace(b"<w:body>", b"<w:body>" + b"<w:p/>" * 3_000_000)
    )
    with Child(Limits(memory=megabytes * 2**20)) as child:
        with pytest.raises(Unparsed, match=rf"^the parser ran out of memory \({megabytes} MB\)$"):
            child.parse(".docx", large)
        assert child.parse(".docx", making.word()).title == "Budget note"


@pytest.mark.parametrize(
    "deed",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('example.invalid', 80)",
        "subprocess.run(['ls'])",
    ],
)
def test_a_parser_has_neither_network_nor_programs(run_instead: Callable[..., Processes], deed: str) -> None:
    run_instead(LOOP.format(deed))
    with Child() as child:
        with pytest.raises(Unparsed, match=r"^damaged: a parser may not use (socket|subprocess)\."):
            child.parse(".pdf", b"x")


def test_what_a_parser_prints_is_no_reply(run_instead: Callable[..., Processes]) -> None:
    run_instead(LOOP.format("print('noise', flush=True) or parse.Parsed('w\\0\\ud800', ' T ', {'a': None, 'b': 'x'})"))
    with Child() as child:
        assert child.parse(".pdf", b"x") == ("w\ufffd\ufffd", "T", {"b": "x"})


def test_a_child_knows_no_keys(monkeypatch: pytest.MonkeyPatch, processes: Processes) -> None:
    monkeypatch.setenv("BULLPEN_SECRET", "hidden")
    with Child() as child:
        child.parse(".docx", making.word())
        environment = Path(f"/proc/{processes[0].pid}/environ")
        if environment.exists():
            assert b"hidden" not in environment.read_bytes()


def test_a_child_whose_parent_is_gone_ends(processes: Processes) -> None:
    child = Child()
    child.parse(".docx", making.word())
    [process] = processes
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    child.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_job_ends_its_children_at_once(run_instead: Callable[..., Processes], tmp_path: Path) -> None:
    started = run_instead("import time; time.sleep(600)")
    for number in range(9):
        (tmp_path / f"{number}.pdf").write_bytes(b"%PDF-")
    begun = time.monotonic()

    with anyio.move_on_after(0.3) as scope:
        async for _ in read_corpus([tmp_path]):
            pass
    assert scope.cancelled_caught
    assert time.monotonic() - begun < 10
    assert 0 < len(started) <= min(MOST, cores())
    assert {process.returncode for process in started} == {-signal.SIGKILL}


@pytest.mark.anyio
async def test_a_reader_that_is_left_early_ends_its_children(
    run_instead: Callable[..., Processes], tmp_path: Path
) -> None:
    started = run_instead(ECHO)
    for number in range(BATCH + 1):
        (tmp_path / f"{number}.pdf").write_bytes(b"%PDF-")

    reader = read_corpus([tmp_path])
    assert isinstance(await anext(reader), Document)
    assert 0 < len(started) <= min(MOST, cores())
    assert {process.poll() for process in started} == {None}
    await reader.aclose()  # type: ignore[attr-defined]
    assert {process.returncode for process in started} == {-signal.SIGKILL}

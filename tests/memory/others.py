"""Other processes that have a memory open: they do what they are told, line by line, and say what came of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

CHILD = """
import os, signal, sys, json, anyio
from pathlib import Path
from anyio import to_thread
from bullpen.memory import HashedEmbedder, listener, open_memory
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Note

def dies_before_it_answers():
    \"\"\"The next call is done, and nobody hears of it.\"\"\"
    replies = listener.Listener._reply
    def last(self, data):
        replies(self, data)
        os.kill(os.getpid(), signal.SIGKILL)
    listener.Listener._reply = last

async def main():
    async with open_memory(Path(sys.argv[1]), embedder=HashedEmbedder()) as memory:
        while line := await to_thread.run_sync(sys.stdin.readline):
            name, args, named = json.loads(line)
            if name == "dies_before_it_answers":
                said = dies_before_it_answers()
            elif name == "is_owner":
                said = memory.is_owner
            elif name == "ingest":
                corpus, documents = args
                said = await memory.ingest(corpus, [Document(**each) for each in documents])
            elif name == "add":
                said = (await memory.add(Note(**args[0]), **named)).version
            else:
                said = await getattr(memory, name)(*args, **named)
                said = [passage.source for passage in said] if name == "search" else said
            print(json.dumps(said), flush=True)

anyio.run(main)
"""


class Other:
    """A process with this folder's memory open. Killed on leaving, unless it was let go."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", CHILD, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def __enter__(self) -> "Other":
        self.ask("is_owner")
        return self

    def __exit__(self, *caught: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def ask(self, name: str, *args: Any, **named: Any) -> Any:
        """What a method of its memory comes to, as JSON."""
        self.tell(name, *args, **named)
        return self.hear()

    def tell(self, name: str, *args: Any, **named: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, args, named]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "it has ended"
        return json.loads(line)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it, until it goes on; returns when it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def leave(self) -> None:
        """Have it close its memory and end."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(30) == 0

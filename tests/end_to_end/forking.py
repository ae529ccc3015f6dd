"""A process that has imported what commands need, and forks for each: most of a short command's time is imports.

Run with one end of a socket pair, whose other end sends, for each command, four open files: a connection, and what the
command has as its input, output and errors. The connection brings JSON (`args`, `cwd`, `env`), and gets the number of
the process, then its exit status, each as a line.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
from importlib import import_module
from pkgutil import iter_modules

from bullpen.orchestrator import cli

#: What commands import only when they come to it.
LATE = ("aiohttp", "anyio._backends._asyncio", "bm25s", "numpy", "Stemmer", "bullpen.agents", "rich.markdown")


def main(commands: socket.socket) -> None:
    """Ends when no more commands will come."""
    own = [f"bullpen.orchestrator.cli.{module.name}" for module in iter_modules(cli.__path__)]
    for name in (*LATE, *own):
        import_module(name)
    gc.collect()
    gc.freeze()  # or every process would copy what it only looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while files := socket.recv_fds(commands, 1, 4)[1]:
        if os.fork() == 0:
            commands.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            watch(*files)
        for file in files:
            os.close(file)


def watch(told: int, *files: int) -> None:
    """Starts the command, tells how it goes, and ends."""
    with socket.socket(fileno=told) as connection:
        command = json.load(connection.makefile())
        if (pid := os.fork()) == 0:
            become(files, **command)
        for file in files:
            os.close(file)
        connection.sendall(b"%d\n" % pid)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def become(files: tuple[int, ...], args: list[str], cwd: str, env: dict[str, str]) -> None:
    """What a new process would do, to its end; but nothing is torn down, which takes longer than a short command."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = args
    status = run(args[0])
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(name: str) -> int:
    """The exit status of a module or script."""
    try:
        if name.endswith(".py"):
            sys.path.insert(0, os.path.dirname(name))
            runpy.run_path(name, run_name="__main__")
        else:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))

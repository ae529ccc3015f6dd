"""Make the environments, run every row interleaved, print one table. See README.md.

    python run.py venvs [--rows a,b]
    python run.py bench [--rows a,b] [--modes seq,conc,...] [--repeats 5] [--out results.jsonl]
    python run.py table [--rows a,b] [--out results.jsonl]

A *round* runs every row once in one mode, in an order rotated each round; the table shows medians over rounds. In the
modes that measure overhead (seq, conc) a floor run is made immediately before each row's run, and the ratio is the
median of those adjacent pairs, so that a slow spell of a shared machine hits numerator and denominator alike.
"""

import argparse
import ast
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from job import CALLS_PER_JOB

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
VENVS = Path(os.environ.get("PERF_VENVS", Path(tempfile.gettempdir()) / "peer-venvs"))
PYTHON = os.environ.get("PERF_PYTHON", sys.executable)
SERVER_NEEDS = ["httptools", "uvloop", "orjson"]
FLOOR = "httpx_floor"
ROWS = [
    FLOOR,
    "aiohttp_floor",
    "bullpen_direct",
    "bullpen_litellm",
    "openai_client",
    "litellm_acompletion",
    "litellm_tuned",
    "litellm_router",
    "autogen_core",
    "autogen_agentchat",
    "langgraph",
    "agno",
    "agent_framework",
    "agent_framework_wf",
    "openai_agents",
    "llamaindex",
    "pydantic_ai",
    "crewai",
]
PAIRED = ("seq", "conc")
#: Same for all rows: no telemetry, no network at import.
ENV = {
    "PYTHONPATH": str(HERE),
    "PYTHONWARNINGS": "ignore",
    "PYTHONDONTWRITEBYTECODE": "",  # byte code must be written, or import time and memory measure the compiler
    "OPENAI_API_KEY": "sk-local",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "AGNO_TELEMETRY": "false",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
}


class Mode(NamedTuple):
    """Arguments of bench.py, the server's latency in milliseconds, and how many rounds are usual."""

    arguments: list[str]
    latency_ms: int
    rounds: int


MODES = {
    "import": Mode(["import"], 0, 5),
    "seq": Mode(["seq", "--jobs", "30", "--warmup", "5"], 0, 5),
    "conc": Mode(["conc", "--jobs", "100", "--inflight", "50", "--warmup", "3"], 0, 3),
    "lat1": Mode(["seq", "--jobs", "3", "--warmup", "1"], 200, 3),
    "lat100": Mode(["conc", "--jobs", "100", "--inflight", "100", "--warmup", "1"], 200, 3),
    "rss500": Mode(["conc", "--jobs", "500", "--inflight", "500", "--warmup", "1"], 200, 2),
}

Measured = dict[str, Any]


# ---------------------------------------------------------------- environments


@cache
def facts(row: str) -> dict[str, Any]:
    """NAME, VENV, VENV_NAME and MAIN of a row, read without importing it."""
    found: dict[str, Any] = {"NAME": row, "VENV_NAME": row, "MAIN": None, "VENV": []}
    for node in ast.parse((HERE / "peers" / f"{row}.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in found:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def python_of(name: str) -> Path:
    """The interpreter of an environment."""
    return VENVS / name / "bin" / "python"


def make_venv(name: str, needs: list[str] | str) -> None:
    """Make an environment where there is none; `project` is this checkout, brought up to date each time."""
    fresh = not python_of(name).exists()
    if fresh:
        print("environment", name, flush=True)
        subprocess.run(["uv", "venv", "-q", "--python", PYTHON, str(VENVS / name)], check=True)
    if needs == "project":
        _install(name, "--require-hashes", "-r", str(PROJECT / "requirements.lock"))
        _install(name, "--no-deps", "--no-build-isolation", "-e", str(PROJECT))
    elif fresh:
        _install(name, *needs)


def _install(name: str, *what: str) -> None:
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python_of(name)), *what], check=True)


def make_venvs(rows: list[str]) -> None:
    """Environments for the server and for each row."""
    VENVS.mkdir(parents=True, exist_ok=True)
    make_venv("server", SERVER_NEEDS)
    for row in rows:
        make_venv(facts(row)["VENV_NAME"], facts(row)["VENV"])


def size_of(name: str) -> tuple[float, int]:
    """Megabytes of files without byte code, and the number of distributions."""
    library = VENVS / name / "lib"
    files = (path for path in library.rglob("*") if "__pycache__" not in path.parts and not path.is_dir())
    return sum(path.lstat().st_size for path in files) / 1e6, len(list(library.glob("*/site-packages/*.dist-info")))


def version_of(row: str) -> str:
    """The version of the distribution that a row is about."""
    main = facts(row)["MAIN"]
    code = f"import importlib.metadata as m; print(m.version({main!r}))"
    command = [str(python_of(facts(row)["VENV_NAME"])), "-c", code]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() if main else ""


# ---------------------------------------------------------------- running


def pinned(core: str) -> list[str]:
    """What to put before a command so that it stays on one core, where that can be done."""
    return ["taskset", "-c", core] if core and shutil.which("taskset") else []


class Server:
    """The fake provider, in a process of its own."""

    def __init__(self, port: int, latency_ms: int, core: str) -> None:
        self.port = port
        command = [str(python_of("server")), "server.py", "--port", str(port), "--latency-ms", str(latency_ms)]
        self._process = subprocess.Popen([*pinned(core), *command], stdout=subprocess.PIPE, text=True, cwd=HERE)
        assert self._process.stdout is not None
        if "ready" not in self._process.stdout.readline():
            raise SystemExit(f"the server did not start on port {port}; name another with --port")

    def stats(self) -> Measured:
        """Calls, CPU seconds and connections since it started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=30) as answer:
            stats: Measured = json.load(answer)
        return stats

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


class Bench:
    """Measurements with one pair of servers: without latency, and with that of a real provider."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        latencies = sorted({mode.latency_ms for mode in MODES.values()})
        self._servers = {ms: Server(given.port + n, ms, given.server_core) for n, ms in enumerate(latencies)}

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers.values():
            server.stop()

    def one(self, row: str, mode: str) -> Measured:
        """One measurement in a fresh process, with what the server saw of it."""
        server = self._servers[MODES[mode].latency_ms]
        before = server.stats()
        try:
            found = self._measure(row, mode, server.port)
        except subprocess.TimeoutExpired:
            found = {"error": f"no result in {self._given.timeout:g} s"}
        found |= {"peer": row, "mode": mode, "load": os.getloadavg()[0]}
        return found if "error" in found or mode == "import" else found | _seen(found, mode, before, server.stats())

    def _measure(self, row: str, mode: str, port: int) -> Measured:
        python = str(python_of(facts(row)["VENV_NAME"]))
        command = [python, "bench.py", row, *MODES[mode].arguments, "--url", f"http://127.0.0.1:{port}/v1"]
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [*pinned(self._given.client_core), *command],
                capture_output=True,
                text=True,
                timeout=self._given.timeout,
                cwd=HERE,
                env={**os.environ, **ENV, "TMPDIR": scratch},
            )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found: Measured = json.loads(lines[-1]) if lines else {"error": (done.stderr or done.stdout)[-1500:]}
        return found

    def paired(self, row: str, mode: str) -> Measured:
        """One measurement, and in the modes that measure overhead a floor run immediately before it."""
        floor = self.one(FLOOR, mode) if mode in PAIRED and row != FLOOR else {}
        found = self.one(row, mode)
        measured_floor = found if row == FLOOR else floor
        return found | {f"floor_{key}": measured_floor.get(key) for key in ("cpu_ms_per_job", "jobs_per_s")}


def _seen(found: Measured, mode: str, before: Measured, after: Measured) -> Measured:
    """What the server counted: exactly 11 calls a job, or the measurement does not count."""
    arguments = MODES[mode].arguments
    jobs = found["jobs"] + int(arguments[arguments.index("--warmup") + 1])
    calls = after["calls"] - before["calls"]
    return {
        "calls": calls,
        "calls_ok": calls == CALLS_PER_JOB * jobs,
        "server_cpu_ms_per_call": (after["cpu_s"] - before["cpu_s"]) * 1e3 / max(1, calls),
        "server_connections": after["connections"] - before["connections"] - 1,
    }


def bench(given: argparse.Namespace) -> None:
    """Every row in every mode, interleaved; a line of JSON each."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    running = Bench(given)
    try:
        with open(given.out, "a", encoding="utf-8") as out:
            for row in given.rows:  # writes byte code, unmeasured
                running.one(row, "import")
            for mode in given.modes.split(","):
                for number in range(given.repeats or MODES[mode].rounds):
                    first = number * 5 % len(given.rows)
                    for row in given.rows[first:] + given.rows[:first]:
                        found = running.paired(row, mode) | {"round": f"{given.tag}{number}"}
                        out.write(json.dumps(found) + "\n")
                        out.flush()
                        print(mode, number, row, _shown(found), flush=True)
    finally:
        running.close()


def _shown(found: Measured) -> str:
    if "error" in found:
        return str(found["error"])[-300:]
    keys = ("cpu_ms_per_job", "jobs_per_s", "wall_s", "peak_rss_mb", "import_cpu_s", "load")
    return " ".join(f"{key} {found[key]:.2f}" for key in keys if key in found) + f" calls_ok {found.get('calls_ok')}"


# ---------------------------------------------------------------- table


class Results:
    """The measurements of a file that count, by mode and row."""

    def __init__(self, file: Path) -> None:
        self._rounds: dict[tuple[str, str], dict[str, Measured]] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            if "error" not in found and found.get("calls_ok", True):
                self._rounds.setdefault((found["mode"], found["peer"]), {})[found["round"]] = found

    def values(self, mode: str, row: str, key: str) -> list[float]:
        """One figure of a row, a value for each round."""
        return [found[key] for found in self._rounds.get((mode, row), {}).values() if key in found]

    def ratios(self, mode: str, row: str, key: str) -> list[float]:
        """The figure against that of the floor run just before it."""
        rounds = self._rounds.get((mode, row), {}).values()
        return [found[key] / found[f"floor_{key}"] for found in rounds if found.get(f"floor_{key}")]

    def has(self, row: str) -> bool:
        """Whether a row was measured at all."""
        return any(measured == row for _, measured in self._rounds)


def _cell(values: list[float], digits: int, pick: Callable[[list[float]], float] = statistics.median) -> str:
    return f"{pick(values):.{digits}f}" if values else "-"


def _cells(results: Results, row: str) -> dict[str, str]:
    """One row of the table. Walls are the best of the rounds: the one least disturbed by other processes."""
    megabytes, distributions = size_of(facts(row)["VENV_NAME"])
    return {
        "row": facts(row)["NAME"],
        "version": version_of(row),
        "CPU ms/job": _cell(results.values("seq", row, "cpu_ms_per_job"), 1),
        "x floor": _cell(results.ratios("seq", row, "cpu_ms_per_job"), 2),
        "jobs/s @50": _cell(results.values("conc", row, "jobs_per_s"), 1),
        "CPU ms/job @50": _cell(results.values("conc", row, "cpu_ms_per_job"), 1),
        "x floor @50": _cell(results.ratios("conc", row, "cpu_ms_per_job"), 2),
        "1 job wall/ideal": _cell([ms / 1e3 for ms in results.values("lat1", row, "wall_ms_per_job")], 3, min),
        "100 jobs wall/ideal": _cell(results.values("lat100", row, "wall_s"), 2, min),
        "100 jobs CPU s": _cell(results.values("lat100", row, "cpu_s"), 2),
        "import s (CPU)": _cell(results.values("import", row, "import_cpu_s"), 2),
        "import RSS MB": _cell(results.values("import", row, "import_rss_mb"), 0),
        "RSS MB @500 jobs": _cell(results.values("rss500", row, "peak_rss_mb"), 0),
        "installed MB": f"{megabytes:.0f}",
        "distributions": str(distributions),
    }


def table(given: argparse.Namespace) -> None:
    """The medians as a Markdown table, and how steady floor and server were."""
    results = Results(Path(given.out))
    rows = [_cells(results, row) for row in given.rows if results.has(row)]
    if not rows:
        raise SystemExit(f"{given.out} has no measurement of these rows; run `bench` first")
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for cells in rows:
        print("| " + " | ".join(cells.values()) + " |")
    server = [ms for mode in PAIRED for row in given.rows for ms in results.values(mode, row, "server_cpu_ms_per_call")]
    print(f"\nserver CPU per call: median {_cell(server, 3)} ms, most {_cell(server, 3, max)} ms")
    for mode in PAIRED:
        rounds = ", ".join(f"{ms:.1f}" for ms in results.values(mode, FLOOR, "cpu_ms_per_job"))
        print(f"floor {mode}: CPU ms/job per round {rounds or '-'}")


def _rows(names: str) -> list[str]:
    rows = names.split(",")
    unknown = sorted(set(rows) - set(ROWS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return [row for row in ROWS if row in rows]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["venvs", "bench", "table"])
    parser.add_argument("--rows", "--only", type=_rows, default=ROWS, help="rows, separated by commas")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--repeats", type=int, default=0, help="rounds of each mode, instead of the usual number")
    parser.add_argument("--out", default="results.jsonl")
    parser.add_argument("--port", type=int, default=8950)
    parser.add_argument("--server-core", default="1")
    parser.add_argument("--client-core", default="0")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one measurement")
    parser.add_argument("--tag", default=time.strftime("%H%M%S-"), help="tells rounds of several runs apart")
    given = parser.parse_args()
    if given.what == "venvs":
        make_venvs([FLOOR, *(row for row in given.rows if row != FLOOR)])
    elif given.what == "bench":
        bench(given)
    else:
        table(given)


if __name__ == "__main__":
    main()

"""Many jobs at once at a provider that fails now and then: what the faults cost, and what we make of them.

    python -m benchmarks.load [--jobs 60,300] [--faults 0,5,20] [--most 240] [--json]

A provider in a process of its own answers after 100 ms; of its answers so many in a hundred are a 429, a 500, a 503 or a
connection that is reset, drawn by a seed. Each job asks thirteen times in turn; all jobs of a line begin at once, in a
fresh process. Printed are the seconds until the last has ended, how many jobs ended well, the median second at which
those of the first and the last quarter ended (in the order in which they were launched), and the process's peak memory.
A line that has not ended after `--most` seconds says so.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bullpen import Context, Plan, PlannedTask, Result, Rung, Settings, Team, Worker, open_system

CALLS = 13
LATENCY_S = 0.1
#: None is a connection that is reset.
FAULTS = (None, 429, 500, 503)


class Ask(Worker):
    """Asks in turn."""

    async def run(self, task: str, ctx: Context) -> str:
        for n in range(CALLS):
            await ctx.ask("ask", question=f"{task} {n}")
        return "done"


class Planner:
    """Plans one task."""

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        return Plan(tasks=(PlannedTask(id="ask-1", worker="ask", input=brief),))

    async def review(self, brief: str, results: Sequence[Result], ctx: Context) -> Plan | None:
        return None


async def serve(share: float) -> None:
    """Be the provider; its port is printed first."""
    drawn = random.Random(5)
    answer = {
        "model": "m",
        "choices": [{"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                await reader.readexactly(size)
                await asyncio.sleep(LATENCY_S * drawn.uniform(0.5, 1.5))
                fault = drawn.choice(FAULTS) if drawn.random() < share else 200
                if fault is None:
                    return
                body = json.dumps(answer if fault == 200 else {"error": {"message": "not now"}}).encode()
                kind = b"content-type: application/json\r\n"
                writer.write(b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n%b" % (fault, kind, len(body), body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def run(port: int, jobs: int) -> None:
    """Run so many jobs at once and print what came of them."""
    began_s, ended_s, well = time.monotonic(), [0.0] * jobs, 0
    rung = Rung(model="openai_http:m", base_url=f"http://127.0.0.1:{port}/v1")

    async def one(n: int) -> None:
        nonlocal well
        async with system.launch(f"What is job {n}?", anew=True) as job:
            report = await job.result()
        well += str(report.status) == "ok"
        ended_s[n] = time.monotonic() - began_s

    with tempfile.TemporaryDirectory() as project:
        async with open_system(
            Settings(rungs=(rung,), project=Path(project)), Team(lambda *_, **__: Planner(), (Ask,))
        ) as system:
            await asyncio.gather(*(one(n) for n in range(jobs)))
    quarter = max(1, jobs // 4)
    told = {
        "seconds": round(max(ended_s), 1),
        "well": well,
        "first_quarter_s": round(statistics.median(ended_s[:quarter]), 1),
        "last_quarter_s": round(statistics.median(ended_s[-quarter:]), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(told), flush=True)


def line(jobs: int, percent: float, most_s: float) -> dict[str, object]:
    """One line: provider and jobs, each in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen([*command, "--serve", str(percent / 100)], stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout is not None
        port = provider.stdout.readline().strip()
        try:
            done = subprocess.run(
                [*command, "--port", port, "--jobs", str(jobs)],
                stdout=subprocess.PIPE,
                text=True,
                timeout=most_s,
                check=True,
            )
            told = json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            told = {"seconds": f"not ended in {most_s:g}"}
        finally:
            provider.kill()
    return {"jobs": jobs, "faults": percent, **told}


def main() -> None:
    """Print a line for each number of jobs and share of faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", default="60,300")
    parser.add_argument("--faults", default="0,5,20", help="of a hundred answers")
    parser.add_argument("--most", type=float, default=240.0, help="seconds a line may take")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        asyncio.run(serve(given.serve))
    elif given.port is not None:
        asyncio.run(run(given.port, int(given.jobs)))
    else:
        for jobs in map(int, given.jobs.split(",")):
            for percent in map(float, given.faults.split(",")):
                told = line(jobs, percent, given.most)
                print(json.dumps(told) if given.as_json else "  ".join(f"{k} {v}" for k, v in told.items()), flush=True)


if __name__ == "__main__":
    main()

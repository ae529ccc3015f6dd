"""One measurement of one row in this interpreter; one line of JSON. Started by run.py, each time in a fresh process.

    python bench.py ROW import
    python bench.py ROW seq --url http://127.0.0.1:8900/v1 --jobs 30 --warmup 5
    python bench.py ROW conc --url http://127.0.0.1:8900/v1 --jobs 100 --inflight 50 --warmup 3

`import` imports the row's module only; `seq` runs jobs one after another; `conc` keeps `--inflight` of them in flight
until `--jobs` are done. CPU is user and system time of this whole process, all threads, over the measured section only.
Every answer is compared with `job.expected`.
"""

import argparse
import asyncio
import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from job import expected

Job = Callable[[str], Awaitable[str]]


def cpu_s() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_mb() -> float:
    """VmHWM, not ru_maxrss: that one survives exec and so may be the parent's. 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


async def checked(job: Job, topic: str) -> float:
    """Seconds that one job took. Raises AssertionError for a wrong answer."""
    started = time.perf_counter()
    answer = await job(topic)
    if answer != expected(topic):
        raise AssertionError(f"wrong answer: {answer!r:.200} instead of {expected(topic)!r:.200}")
    return time.perf_counter() - started


async def measure(job: Job, given: argparse.Namespace) -> dict[str, Any]:
    """Run the warm-up, then the jobs, and say what they took."""
    for number in range(given.warmup):
        await checked(job, f"w-{number:06d}")
    gc.collect()
    warm_mb = peak_rss_mb()
    seconds: list[float] = []
    topics = iter(f"t-{number:06d}" for number in range(given.jobs))

    async def lane() -> None:
        for topic in topics:
            seconds.append(await checked(job, topic))  # noqa: PERF401  lanes share the list

    lanes = 1 if given.mode == "seq" else min(given.inflight, given.jobs)
    cpu_before, started = cpu_s(), time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    wall = time.perf_counter() - started
    await asyncio.sleep(0.25)  # background work that a framework has queued (callbacks, loggers) is its cost too
    used = cpu_s() - cpu_before
    seconds.sort()
    return {
        "rss_warm_mb": warm_mb,
        "jobs": given.jobs,
        "inflight": lanes,
        "wall_s": wall,
        "cpu_s": used,
        "cpu_ms_per_job": used / given.jobs * 1e3,
        "wall_ms_per_job": wall / given.jobs * 1e3,
        "jobs_per_s": given.jobs / wall,
        "p50_s": seconds[len(seconds) // 2],
        "max_s": seconds[-1],
        "peak_rss_mb": peak_rss_mb(),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("mode", choices=["import", "seq", "conc"])
    parser.add_argument("--url", default="http://127.0.0.1:8900/v1")
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--inflight", type=int, default=50)
    parser.add_argument("--warmup", type=int, default=5)
    given = parser.parse_args()
    cpu_before, started = cpu_s(), time.perf_counter()
    peer = importlib.import_module(f"peers.{given.peer}")
    found = {
        "import_wall_s": time.perf_counter() - started,
        "import_cpu_s": cpu_s() - cpu_before,
        "import_rss_mb": peak_rss_mb(),
        "modules": len(sys.modules),
    }
    if given.mode != "import":
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        async def run() -> None:
            found.update(await measure(await peer.make_job(given.url), given))
            print(json.dumps(found), flush=True)
            os._exit(0)  # no teardown: it is nobody's overhead, and some clients warn about open sessions there

        asyncio.run(run())
    print(json.dumps(found))


if __name__ == "__main__":
    main()

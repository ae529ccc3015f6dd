"""Second floor: bare ``aiohttp`` and ``asyncio.gather``.

Not the denominator, but httpx's connection pool costs grow
with the number of connections, so at high concurrency this is the honest one.
"""

import asyncio

import aiohttp

from job import INSTRUCTIONS, join, prompt, queries

NAME = "aiohttp + gather"
VENV = ["aiohttp"]
MAIN = "aiohttp"


async def make_job(base_url: str):
    client = aiohttp.ClientSession(headers={"authorization": "Bearer sk-local"},
                                   connector=aiohttp.TCPConnector(limit=0),
                                   timeout=aiohttp.ClientTimeout(total=120))
    url = base_url + "/chat/completions"

    async def call(role: str, payload: str) -> str:
        async with client.post(url, json={
                "model": "gpt-4o-mini",
                "messages": [{"role": "system", "content": INSTRUCTIONS[role]},
                             {"role": "user", "content": prompt(role, payload)}]}) as r:
            r.raise_for_status()
            return (await r.json())["choices"][0]["message"]["content"]

    async def job(topic: str) -> str:
        plan = await call("planner", topic)
        results = await asyncio.gather(*(call("search", q) for q in queries(plan)))
        summaries = await asyncio.gather(*(call("summarize", r) for r in results))
        return await call("refine", await call("analyze", join(summaries)))

    return job

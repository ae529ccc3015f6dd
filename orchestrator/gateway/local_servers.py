"""Servers of models that run on this machine, found at the ports where they usually are."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anyio

from ..settings import Rung
from .doctor import Check, State
from .doctor_mends import address_of
from .providers.openai_shape import Answer
from .providers.reading import models_in
from .providers.sending import Sender, Trip

#: Whose port it is, as each of them is started when nobody says otherwise.
PORTS: Mapping[int, str] = {11434: "Ollama", 8080: "llama.cpp", 1234: "LM Studio", 8000: "vLLM"}
#: How long one may take to list its models, in seconds.
_LIST_S = 1.0
#: The most models that are named.
_NAMED_MOST = 3


class LocalServer(NamedTuple):
    """One that lists its models."""

    url: str
    usually: str
    models: tuple[str, ...]


async def local_servers(ports: Mapping[int, str] = PORTS) -> tuple[LocalServer, ...]:
    """Those that answer, by port. They are asked for a list, and nothing else."""
    found: dict[int, LocalServer] = {}

    async def look(port: int, usually: str) -> None:
        url = f"http://127.0.0.1:{port}/v1"
        sender = Sender(Rung(model="openai_http:auto", base_url=url))
        try:
            with anyio.move_on_after(_LIST_S):
                answer = await sender.send(Trip(), "GET", f"{url}/models", {})
                models = models_in(answer) if isinstance(answer, Answer) else ()
                if isinstance(models, tuple) and models:
                    found[port] = LocalServer(url, usually, models)
        finally:
            await sender.aclose()

    async with anyio.create_task_group() as group:
        for port, usually in ports.items():
            group.start_soon(look, port, usually)
    return tuple(found[port] for port in ports if port in found)


def server_checks(servers: Sequence[LocalServer], rungs: Sequence[Rung]) -> tuple[Check, ...]:
    """What may be asked and is not: each as advice."""
    asked = {address_of(each).replace("localhost", "127.0.0.1") for rung in rungs for each in rung.deployed()}
    return tuple(
        Check(
            "servers",
            State.OK,
            f"{each.url}, where {each.usually} usually is, has {_named(each.models)}",
            f"to ask the models at {each.url} set OPENAI_BASE_URL to it, or the base_url of a rung",
        )
        for each in servers
        if not any(address.startswith(each.url.removesuffix("/v1")) for address in asked)
    )


def _named(models: Sequence[str]) -> str:
    more = len(models) - _NAMED_MOST
    return ", ".join(models[:_NAMED_MOST]) + (f" and {more} more" if more > 0 else "")

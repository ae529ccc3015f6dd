"""What a folder's settings or a received run do only once the person has said so. Pure, but that links are followed.

Both may come from anybody. What bounds, orders or names acts always; what sends texts or a key somewhere, names code,
or names files outside the folder is restricted. A server of this machine that gets no key gets nothing away from it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .ids import canonical, digest
from .text import shorten

#: The team that is no code of anybody else's, and the provider that asks nobody.
OWN_TEAM, OWN_PROVIDER = "bullpen.agents:research_team", "embedded"
#: The fields that act always: of the settings, of a rung and of its deployments.
ALWAYS: Mapping[str, frozenset[str]] = {
    "settings": frozenset(
        (
            *("chains", "floors", "ceilings", "call_timeout_s", "backoff_s", "stale_answer_s", "network"),
            *("budget_usd", "deadline_s", "task_timeout_s", "finish_timeout_s", "stall_s", "rounds_most", "tasks_most"),
            *("depth_most", "fan_out_most", "starts_most", "restarts_most", "restarts_period_s"),
            *("effort", "length", "language", "read_tokens_most", "document_tokens_most", "whole_documents_most"),
            *("outline_documents_most",),
        )
    ),
    "rung": frozenset(
        (
            *("name", "tier", "price_in_usd", "price_out_usd", "context_tokens", "tokens_out_most", "schema_mode"),
            *("attempts_most", "timeout_s", "first_s", "idle_s", "concurrency_most", "requests_per_minute"),
            *(
                "tokens_per_minute",
                "roles",
                "ability",
                "drop_params",
                "use_proxy",
            ),  # the setting `use_proxy` decides for all rungs
        )
    ),
    "deployment": frozenset({"name"}),
}
#: The fields that decide where a rung sends what, and the file that stands before it.
RUNG, DEPLOYMENT = ("model", "base_url", "api_key_env", "deployments", "cassette"), ("base_url", "api_key_env")


@dataclass(frozen=True, slots=True)
class Restricted:
    """One thing that waits for the person's word."""

    #: The setting, by names and numbers: `("rungs", 0)`.
    place: tuple[str | int, ...]
    #: All that decides what it does, as JSON would carry it.
    content: Any
    #: What it does, in words of one line.
    does: str
    is_code: bool = False

    @property
    def key(self) -> str:
        """What the word is kept under: another address, module or file is another thing; its place is not."""
        return digest(canonical([self.place[0], self.content]))


class Here(NamedTuple):
    """Where it is said: the folder, and the environment that holds the keys."""

    folder: Path
    environment: Mapping[str, str]


def restricted(said: Mapping[str, Any], here: Here) -> tuple[Restricted, ...]:
    """What of these settings, as JSON carries them, waits for a word where they are said here.

    Beside settings there may be `workers` and `corpus`, which a run names.
    """
    return tuple(each for name, value in said.items() if name in RULES for each in RULES[name](value, here))


def _code(name: str, what: str) -> Callable[[Any, Here], Iterator[Restricted]]:
    def found(value: Any, _: Here) -> Iterator[Restricted]:
        for path in [value] if isinstance(value, str) else value:
            if path != OWN_TEAM:
                yield Restricted((name,), path, f"runs the code of {what} {_shown(path)}", is_code=True)

    return found


def _file(name: str, what: str) -> Callable[[Any, Here], Iterator[Restricted]]:
    def found(value: Any, here: Here) -> Iterator[Restricted]:
        for path in [value] if isinstance(value, str) else value or ():
            yield from _outside((name,), path, what, here)

    return found


def _prompts(value: Mapping[str, str], here: Here) -> Iterator[Restricted]:
    for name, path in value.items():
        yield from _outside(("prompts", name), path, "reads a prompt from", here)


def _outside(place: tuple[str | int, ...], path: str, what: str, here: Here) -> Iterator[Restricted]:
    resolved = (here.folder / path).resolve()
    if not resolved.is_relative_to(here.folder.resolve()):
        yield Restricted(place, str(resolved), f"{what} {_shown(str(resolved))}, outside this folder")


def _embedder(value: str, _: Here) -> Iterator[Restricted]:
    if ":" in value:
        vendor = _shown(value.partition(":")[2].partition("/")[0])
        yield Restricted(("embedder",), value, f"sends texts and the key that is kept for {vendor} to {vendor}")


def _proxy(value: bool | None, _: Here) -> Iterator[Restricted]:
    if value:
        yield Restricted(("use_proxy",), value, "sends calls through the proxy that the environment names")


def _cassettes(value: str, _: Here) -> Iterator[Restricted]:
    if value != "replay":
        yield Restricted(("cassettes",), value, "asks models and writes their answers into cassettes")


def _rungs(value: list[dict[str, Any]], here: Here) -> Iterator[Restricted]:
    for n, rung in enumerate(value):
        if rung.get("cassette"):
            yield from _outside(("rungs", n, "cassette"), rung["cassette"], "reads and writes", here)
        for each in rung.get("deployments") or [{}]:
            address, key = (each.get(name) or rung.get(name) for name in DEPLOYMENT)
            is_own = rung["model"].startswith(f"{OWN_PROVIDER}:") and not (address or key)
            if not is_own and not _stays(rung["model"], address, key, here.environment):
                told = f"sends texts and {_key(rung['model'], key)} to {_address(rung['model'], address)}"
                yield Restricted(("rungs", n), [rung["model"], address, key], told)


def _stays(model: str, address: str | None, variable: str | None, environment: Mapping[str, str]) -> bool:
    """Whether it goes to this machine alone, and no key with it."""
    if not model.startswith(("openai_http:", "litellm:openai/")) or environment.get(variable or "OPENAI_API_KEY"):
        return False
    try:
        host = urlsplit(address or "").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _key(model: str, variable: str | None) -> str:
    provider, _, name = model.partition(":")
    if variable or provider == "openai_http":
        return f"the key in {variable or 'OPENAI_API_KEY'}"
    return f"the key that is kept for {_shown(name.partition('/')[0])}"


def _address(model: str, address: str | None) -> str:
    """Where it goes, without a user and a password: what stands before an @ looks like an address and is none."""
    if address is None:
        return f"the provider of {_shown(model)}"
    try:
        parts = urlsplit(address)
    except ValueError:  # nobody can be asked there
        return _shown(address)
    return _shown(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())


def _shown(text: str) -> str:
    return shorten(text, 200)


#: By what is said, what of it waits for a word.
RULES: Mapping[str, Callable[[Any, Here], Iterator[Restricted]]] = {
    "default_team": _code("default_team", "team"),
    "workers": _code("workers", "worker"),
    "project": _file("project", "keeps runs and memory in"),
    "runs_dir": _file("runs_dir", "keeps runs in"),
    "prompts": _prompts,
    "corpus": _file("corpus", "reads documents from"),
    "embedder": _embedder,
    "rungs": _rungs,
    "use_proxy": _proxy,
    "cassettes": _cassettes,
}

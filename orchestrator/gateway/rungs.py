"""Which models answer when nobody has said: what the environment offers, else what the team brings. Pure."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from ..errors import BadInput
from ..rules.redaction import LEAST, keys_in
from ..settings import FILE, Rung, Settings, line_of

#: The port of an Ollama whose address names none.
_OLLAMA_PORT = "11434"


def url_of(address: str) -> str:
    """An address as a URL, with or without a scheme."""
    return (address if "://" in address else f"http://{address}").rstrip("/")


def ollama_url(address: str) -> str:
    """Where the OpenAI-compatible interface of the Ollama is whose `OLLAMA_HOST` is this: the address that it listens
    at, or that its clients ask. Source: `Host` in Ollama's envconfig/config.go."""
    scheme, has_scheme, rest = address.rpartition("://")
    place, _, path = rest.partition("/")
    host, port = _parted(place)
    host = _reachable(host)
    port = port or ("" if has_scheme else _OLLAMA_PORT)
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    way = f"/{path}".rstrip("/").removesuffix("/v1")
    return f"{scheme or 'http'}://{place}{way}/v1"


def _parted(place: str) -> tuple[str, str]:
    """Host and port, each "" where it is not there; an address of IPv6 may stand without brackets."""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        return host, port.removeprefix(":")
    if place.count(":") > 1:
        return place, ""
    host, _, port = place.partition(":")
    return host, port


def _reachable(host: str) -> str:
    """Where a server on this machine is asked that listens at this host; none, 0.0.0.0 and :: are all of its own."""
    try:
        address = ipaddress.ip_address(host or "0.0.0.0")  # noqa: S104  # nothing is bound
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


#: Well-known key variables, in the order in which they are looked for, and a modest model of each provider.
_KEYS = (
    ("OPENAI_API_KEY", "litellm:openai/gpt-4.1-mini"),
    ("ANTHROPIC_API_KEY", "litellm:anthropic/claude-haiku-4-5"),
    ("GEMINI_API_KEY", "litellm:gemini/gemini-2.5-flash"),
    ("MISTRAL_API_KEY", "litellm:mistral/mistral-medium-latest"),
    ("GROQ_API_KEY", "litellm:groq/openai/gpt-oss-120b"),
    ("DEEPSEEK_API_KEY", "litellm:deepseek/deepseek-chat"),
)
#: Variables that name a server of one's own, and how its address is read.
_SERVERS = (("OPENAI_BASE_URL", url_of), ("OPENAI_API_BASE", url_of), ("OLLAMA_HOST", ollama_url))


def choose_rungs(
    settings: Settings, environment: Mapping[str, str], own: Sequence[Rung]
) -> tuple[tuple[Rung, ...], str]:
    """The rungs, best first, and a sentence saying where they are from.

    Raises BadInput when there is none at all.
    """
    if settings.rungs:
        return settings.rungs, "set in bullpen.toml, the environment or the call"
    said = {name: value.strip().strip("\"'").strip() for name, value in environment.items()}
    for variable, address_of in _SERVERS:
        if address := said.get(variable):
            model = said.get("OPENAI_MODEL") or "auto"
            rung = Rung(model=f"openai_http:{model}", base_url=address_of(address), name=model)
            return (rung,), f"found {variable} in the environment"
    for variable, model in _KEYS:
        if said.get(variable):
            return (Rung(model=model, api_key_env=variable),), f"found {variable} in the environment"
    if own:
        return tuple(own), "no model is set and no key was found, so the team's own"
    raise BadInput("no model to ask: set a key such as OPENAI_API_KEY, or `rungs` in bullpen.toml")


def chains_of(settings: Settings, rungs: Sequence[Rung]) -> dict[str, tuple[str, ...]]:
    """By role, the labels of its rungs, best first; a chain that another one names is put in its place.

    Raises BadInput for a chain that names itself, directly or through others, or names what is neither.
    """
    labels = [rung.label for rung in rungs]
    for n, label in enumerate(labels):
        if label in labels[:n]:
            raise BadInput(f"two rungs are called {label!r}{line_of('rungs', n)}; give each a `name` of its own")
    return {name: tuple(dict.fromkeys(_flat(name, (), settings.chains, labels))) for name in settings.chains}


def _flat(
    name: str, path: tuple[str, ...], chains: Mapping[str, Sequence[str]], labels: Sequence[str]
) -> Iterator[str]:
    """The labels of one chain, in order. What is both a rung and a chain is the rung."""
    if name in path:
        way = " → ".join((*path[path.index(name) :], name))
        raise BadInput(f"chain {name!r} names itself{line_of('chains', path[-1])}: {way}; break the circle")
    for part in chains[name]:
        if part in labels:
            yield part
        elif part in chains:
            yield from _flat(part, (*path, name), chains, labels)
        else:
            known = ", ".join(sorted({*labels, *chains}))
            where = line_of("chains", name)
            raise BadInput(
                f"chain {name!r}{where} names {part!r}, which is neither a rung nor a chain; there are {known}"
            )


def with_proxy(settings: Settings, rungs: Sequence[Rung], environment: Mapping[str, str]) -> tuple[Rung, ...]:
    """The rungs, each told whether to go through the environment's proxy.

    Raises BadInput where there is a proxy for a rung and nobody has said whether prompts may go through it.
    """
    proxies = {name.lower(): value for name, value in environment.items() if name.lower().endswith("_proxy") and value}
    for rung in rungs if settings.use_proxy is None else ():
        for each in rung.deployed():
            if variable := _proxy_for(each, proxies):
                raise BadInput(
                    f"{variable.upper()} names a proxy for rung {each.label!r}: set use_proxy = true in {FILE} to send "
                    "calls through it, or false to go straight"
                )
    return tuple(rung.model_copy(update={"use_proxy": bool(settings.use_proxy)}) for rung in rungs)


def check_prices(rungs: Sequence[Rung]) -> None:
    """Raises BadInput for a rung that could only be refused by a budget, since nothing but settings can price it."""
    for n, rung in enumerate(rungs):
        if rung.provider == "openai_http" and (rung.price_in_usd is None or rung.price_out_usd is None):
            where = line_of("rungs", n, "model")
            raise BadInput(
                f"rung {rung.label!r}{where} has no price and the job has a budget: set price_in_usd and price_out_usd "
                "(0 where it costs nothing), or give no budget"
            )


def _proxy_for(rung: Rung, proxies: Mapping[str, str]) -> str:
    """The variable that names a proxy for this rung's address; "" where there is none."""
    if rung.base_url is None and rung.provider != "litellm":
        return ""  # the team's own: it asks nobody
    address = urlsplit(rung.base_url or "https://provider.invalid")
    host = address.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return ""
    exempt = [part.strip().lstrip(".") for part in proxies.get("no_proxy", "").split(",") if part.strip()]
    if any(part == "*" or f".{host}".endswith(f".{part}") for part in exempt):
        return ""
    return next((name for name in (f"{address.scheme}_proxy", "all_proxy") if name in proxies), "")


def secrets_of(rungs: Sequence[Rung], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that must never be recorded: keys, those the rungs name and the rest, and passwords in addresses."""
    rungs = [each for rung in rungs for each in rung.deployed()]
    named = {environment.get(rung.api_key_env, "").strip() for rung in rungs if rung.api_key_env}
    passwords = {urlsplit(rung.base_url or "").password or "" for rung in rungs}
    return tuple(sorted(keys_in(environment) | {value for value in named | passwords if len(value) >= LEAST}))

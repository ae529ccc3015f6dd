"""Which models answer when nobody has said: what the environment offers, else what the team brings. Pure."""

from collections.abc import Mapping, Sequence

from ..errors import BadInput
from ..settings import Rung, Settings

#: Well-known key variables, in the order in which they are looked for, and a modest model of each provider.
_KEYS = (
    ("OPENAI_API_KEY", "litellm:openai/gpt-4.1-mini"),
    ("ANTHROPIC_API_KEY", "litellm:anthropic/claude-haiku-4-5"),
    ("GEMINI_API_KEY", "litellm:gemini/gemini-2.5-flash"),
    ("MISTRAL_API_KEY", "litellm:mistral/mistral-medium-latest"),
    ("GROQ_API_KEY", "litellm:groq/openai/gpt-oss-120b"),
    ("DEEPSEEK_API_KEY", "litellm:deepseek/deepseek-chat"),
)
#: Variables that name a server of one's own, and the path its OpenAI-compatible interface is under.
_SERVERS = (("OPENAI_BASE_URL", ""), ("OPENAI_API_BASE", ""), ("OLLAMA_HOST", "/v1"))


def choose_rungs(
    settings: Settings, environment: Mapping[str, str], own: Sequence[Rung]
) -> tuple[tuple[Rung, ...], str]:
    """The rungs, best first, and a sentence saying where they are from.

    Raises BadInput when there is none at all.
    """
    if settings.rungs:
        return settings.rungs, "set in bullpen.toml, the environment or the call"
    for variable, path in _SERVERS:
        if address := environment.get(variable):
            url = address if "://" in address else f"http://{address}"
            model = environment.get("OPENAI_MODEL", "auto")
            rung = Rung(model=f"openai_http:{model}", base_url=url.rstrip("/") + path, name=model)
            return (rung,), f"found {variable} in the environment"
    for variable, model in _KEYS:
        if environment.get(variable):
            return (Rung(model=model, api_key_env=variable),), f"found {variable} in the environment"
    if own:
        return tuple(own), "no model is set and no key was found, so the team's own"
    raise BadInput("no model to ask: set a key such as OPENAI_API_KEY, or `rungs` in bullpen.toml")


def secrets_of(rungs: Sequence[Rung], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The key values that must never be recorded: those the rungs name and the well-known ones."""
    names = {name for name, _ in _KEYS} | {rung.api_key_env for rung in rungs if rung.api_key_env}
    values = {environment.get(name, "") for name in names}
    return tuple(sorted(value for value in values if len(value) >= 8))  # shorter ones would blank out plain words

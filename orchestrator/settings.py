"""Settings: `bullpen.toml`, then `BULLPEN_…` in the environment, then what a caller passes; later wins.

What the file says of addresses, keys, code and files outside the folder acts once the person has said so (`trust`).
A mistake is one BadInput line that names the setting, the value and the bound. No secret is ever a setting: a rung
names the environment variable that holds its key.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .errors import BadInput
from .limits import WORDS, Limits
from .regular_files import read_regular
from .restricted import OWN_TEAM, Here, Restricted, restricted
from .trust import check

FILE = "bullpen.toml"
#: The largest file, in bytes.
_BYTES_MOST = 1024 * 1024
#: What cassettes do: give what is recorded, ask for everything anew, or ask for what is not recorded.
CassetteMode = Literal["replay", "record", "auto"]
#: The fields of a request that a server may refuse, beside those of a schema.
Param = Literal["max_tokens", "max_completion_tokens", "stream_options", "stream"]
_URL = r"^https?://\S+$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MODEL = r"^[a-z][a-z0-9_]*:\S+$"
_TEAM = r"^[\w.]+:\w+$"
#: What each of these patterns, and of pydantic's types of mistakes, wants, in the words of the file.
_WANTED: Mapping[str, str] = {
    _URL: "it should begin with http:// or https://",
    _VARIABLE: "it should be the name of an environment variable, such as OPENAI_API_KEY, and never the key itself",
    _MODEL: "it should be provider:model, such as litellm:openai/gpt-4.1-mini or openai_http:qwen3",
    _TEAM: "it should be module:attribute, such as bullpen.agents:research_team",
    WORDS: "it should be a few words on one line, at most 60 characters of letters, digits and spaces",
    "tuple_type": "it should be a list, in brackets",
    "dict_type": "it should be a table",
    "model_type": "it should be a table",
    "bool_type": "it should be true or false",
    "bool_parsing": "it should be true or false",
}


class Deployment(BaseModel):
    """One address and key of a rung that has several."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = ""
    base_url: str | None = Field(default=None, pattern=_URL)
    api_key_env: str | None = Field(default=None, pattern=_VARIABLE)


class Rung(BaseModel):
    """One model in the chain that answers calls. Prices are USD per million tokens; None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    #: `provider:model`, for example `litellm:openai/gpt-4o-mini`, `openai_http:qwen3` or `embedded:extract`.
    model: str = Field(pattern=_MODEL)
    name: str = ""
    base_url: str | None = Field(default=None, pattern=_URL)
    #: The environment variable that holds the key.
    api_key_env: str | None = Field(default=None, pattern=_VARIABLE)
    #: The same model at several addresses: calls go where the fewest are under way.
    deployments: tuple[Deployment, ...] = ()
    #: How capable it is: a call with a floor is never answered from below it.
    tier: int = Field(default=1, ge=1, le=9)
    price_in_usd: float | None = Field(default=None, ge=0)
    price_out_usd: float | None = Field(default=None, ge=0)
    #: The most tokens that question and answer may have together; None is what the provider's list says, if anything.
    context_tokens: int | None = Field(default=None, ge=1)
    #: The most tokens one answer may have: asked of the provider, and reserved before the call.
    tokens_out_most: int = Field(default=4096, ge=1)
    #: How an answer with a schema is asked for: by the provider's schemas, as a tool's arguments, or in words alone.
    schema_mode: Literal["native", "tool", "prompted"] = "native"
    #: Fields of a request that its server refuses: it is asked without them. In place of `max_tokens` it is sent
    #: `max_completion_tokens`, unless it refuses that as well.
    drop_params: tuple[Param, ...] = ()
    #: What it is asked to do: take notes and write `prose`, or only `select` sentences; `auto` is as `bullpen doctor`
    #: has found it able to.
    ability: Literal["auto", "prose", "select"] = "auto"
    #: The most requests that one call may send to this rung.
    attempts_most: int = Field(default=3, ge=1, le=10)
    #: Absolute bound on one attempt, in seconds.
    timeout_s: float = Field(default=120.0, gt=0)
    #: The longest silence of a stream, in seconds: before its first piece, and between two.
    first_s: float = Field(default=30.0, gt=0)
    idle_s: float = Field(default=20.0, gt=0)
    #: How many requests may be under way at once, per deployment; a refusal for too many lowers it for a while.
    concurrency_most: int = Field(default=1000, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    #: Whether calls go through the environment's proxy; `Settings.use_proxy` decides.
    use_proxy: bool = False
    #: A file of recorded answers that stands before the model; `Settings.cassettes` says what it does.
    cassette: Path | None = None
    #: The roles that this rung may serve; empty is all.
    roles: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The part before the colon: which factory of the team makes it."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The part after the colon: what the provider calls the model."""
        return self.model.partition(":")[2]

    @property
    def label(self) -> str:
        """The name, or the model where none was given."""
        return self.name or self.model

    def deployed(self) -> tuple["Rung", ...]:
        """The rung once for each of its deployments, under a label of its own; itself where it has none."""
        return tuple(
            self.model_copy(
                update={
                    "name": each.name or f"{self.label}@{n}",
                    "base_url": each.base_url or self.base_url,
                    "api_key_env": each.api_key_env or self.api_key_env,
                    "deployments": (),
                }
            )
            for n, each in enumerate(self.deployments, start=1)
        ) or (self,)


class Settings(BaseSettings, Limits):
    """Everything that can be set. Folders are relative to the working directory."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="BULLPEN_", env_ignore_empty=True, allow_inf_nan=False
    )

    #: The settings that whoever loads them looks at, and that so must be trusted; None is all.
    looked_at: ClassVar[frozenset[str] | None] = None

    #: `module:attribute` of the team that is used when none is named.
    default_team: str = Field(default=OWN_TEAM, pattern=_TEAM)
    #: What is remembered together: holds `runs/` and `memory/`.
    project: Path = Path(".bullpen")
    #: Where runs are kept; None is `runs/` in the project.
    runs_dir: Path | None = None
    #: What the team's memory makes vectors of texts with: `auto`, or a name that the team knows.
    embedder: str = Field(default="auto", min_length=1)
    #: The models that answer, best first. Empty: what the environment offers, else the team's own.
    rungs: tuple[Rung, ...] = ()
    #: By role, the names of the rungs that serve it, best first; `default` is for the roles that are not named. An
    #: entry may name another chain instead. Roles without a chain are served by all rungs in order.
    chains: dict[str, tuple[str, ...]] = {}
    #: By role, the tier below which no call of that role is answered, and the one above which none is.
    floors: dict[str, Annotated[int, Field(ge=1, le=9)]] = {}
    ceilings: dict[str, Annotated[int, Field(ge=1, le=9)]] = {}
    #: By name, files with prompts that stand in place of the workers' own.
    prompts: dict[str, Path] = {}
    #: The most seconds that one call may take, whatever is tried for it.
    call_timeout_s: float = Field(default=300.0, gt=0)
    #: How long to wait before a rung is asked again, at first, in seconds; it doubles.
    backoff_s: float = Field(default=0.5, ge=0)
    #: How old an earlier run's answer to the same call may be when no model answers, in seconds; 0 is never.
    stale_answer_s: float = Field(default=7 * 86_400.0, ge=0)
    #: Whether calls go through the proxy that the environment names; it must be said where there is one.
    use_proxy: bool | None = None
    #: Whether models may be asked over the network. Without it a rung replays a cassette or is embedded.
    network: bool = True
    cassettes: CassetteMode = "replay"
    #: The most a job may spend, in USD; None is no limit.
    budget_usd: float | None = Field(default=None, ge=0)
    #: The most seconds a job may take; None is no limit.
    deadline_s: float | None = Field(default=None, gt=0)
    #: The most seconds one attempt at a task may take.
    task_timeout_s: float = Field(default=600.0, gt=0)
    #: The most seconds that checking the evidence may take when a job ends.
    finish_timeout_s: float = Field(default=10.0, gt=0)
    #: How many seconds the event loop may be blocked before it is said by whom; 0 is never.
    stall_s: float = Field(default=2.0, ge=0)
    tasks_most: int = Field(default=64, ge=1, le=1024)
    depth_most: int = Field(default=3, ge=1, le=8)
    fan_out_most: int = Field(default=8, ge=1, le=64)
    starts_most: int = Field(default=4, ge=1, le=16)
    restarts_most: int = Field(default=5, ge=0)
    restarts_period_s: float = Field(default=60.0, gt=0)

    if not TYPE_CHECKING:  # whose arguments are the fields

        def __init__(self, **passed: Any) -> None:
            """Raises Untrusted for what the folder's file says and the person has not."""
            super().__init__(**passed)
            if wanted := _wanted(self, passed, self.looked_at):
                check(wanted, Path.cwd(), where=where_set, mend="`bullpen trust`")

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return self.runs_dir or self.project / "runs"

    @property
    def limits_set(self) -> dict[str, Any]:
        """The limits of jobs that are set; the others are as a job's effort has them."""
        return {name: getattr(self, name) for name in Limits.model_fields if name in self.model_fields_set}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed, over the environment, over the file; no `.env`, no secrets folder."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _in_file())


class _Places(Settings):
    """The settings for whoever only looks for runs."""

    looked_at = frozenset({"project", "runs_dir"})


class _Unused(Settings):
    """The settings for whoever does nothing by them."""

    looked_at = frozenset()


def load_settings(**passed: Any) -> Settings:
    """The settings in force. Raises BadInput, one line, for a malformed file or value, Untrusted for a restricted."""
    return _loaded(Settings, passed)


def runs_folder(runs_dir: Path | None = None) -> Path:
    """The folder of runs, for whoever only reads them: no other setting of the file need be trusted."""
    return _loaded(_Places, {"runs_dir": runs_dir}).runs


def in_environment() -> dict[str, Any]:
    """What the environment sets, as it stands there."""
    return EnvSettingsSource(Settings)()


def wanted_by_folder() -> tuple[Restricted, ...]:
    """What the folder's file wants done that is restricted, said or not. Raises BadInput for a malformed file."""
    return _wanted(_loaded(_Unused, {}), {}, None)


def where_set(wanted: Restricted) -> str:
    """The setting, and its place in the file."""
    return ".".join(map(str, wanted.place)) + line_of(*wanted.place)


def _wanted(settings: Settings, passed: Mapping[str, Any], looked_at: frozenset[str] | None) -> tuple[Restricted, ...]:
    """What the file wants done that is restricted, as far as nothing stronger says otherwise."""
    said = _in_file()
    names = set(said) if looked_at is None else said.keys() & looked_at
    if not names:
        return ()
    stronger = {**in_environment(), **passed}
    acting: dict[str, Any] = {}
    for name, value in settings.model_dump(mode="json", include=names).items():
        if isinstance(value, dict):  # tables are put together, entry by entry
            acting[name] = {part: each for part, each in value.items() if part not in stronger.get(name, {})}
        elif name not in stronger:
            acting[name] = value
    return restricted(acting, Here(Path.cwd(), os.environ))


def _in_file() -> dict[str, Any]:
    """What the file says; nothing where there is none. Raises BadInput where something else stands there."""
    return tomllib.loads(_text())


def _text() -> str:
    try:
        return read_regular(Path(FILE), _BYTES_MOST).decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise BadInput(f"{FILE} is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _loaded(kind: type[Settings], passed: Mapping[str, Any]) -> Settings:
    given = {name: value for name, value in passed.items() if value is not None}
    try:
        return kind(**given)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{FILE} is not TOML: {error}; mend or move the file") from error
    except ValidationError as error:
        raise BadInput(f"settings: {first_mistake(error, given)}") from error
    except ValueError as error:  # pydantic-settings: an environment variable that should be JSON and is not
        field = re.search(r'field "(\w+)"', str(error))
        name = f"BULLPEN_{field[1].upper()}" if field else str(error)
        raise BadInput(f"settings: {name} is not JSON; mend it, or set it in {FILE}") from error
    except OSError as error:
        raise BadInput(f"{FILE} cannot be read: {error.strerror}; mend its permissions or move it") from error


def line_of(*path: str | int) -> str:
    """Where a setting stands, as ` (bullpen.toml, line 7)`; "" where the file does not say it.

    `path` is as pydantic gives it: names, and from 0 the numbers of `[[tables]]`.
    """
    lines = _text().splitlines()
    found = 0
    for part in path:
        after = [(n, line.strip()) for n, line in enumerate(lines, start=1) if n >= max(found, 1)]
        if isinstance(part, int):
            headers = [n for n, line in after if line.startswith("[[")]
            found = headers[part] if part < len(headers) else found
        else:
            told = re.compile(rf"\[+\s*{re.escape(part)}\s*\]+|[\"']?{re.escape(part)}[\"']?\s*=")
            found = next((n for n, line in after if told.match(line)), found)
    return f" ({FILE}, line {found})" if found else ""


def first_mistake(error: ValidationError, passed: Mapping[str, Any]) -> str:
    """The first mistake as `name = value (where): what is expected`, and how many more there are."""
    first, *more = error.errors(include_url=False)
    name = ".".join(str(part) for part in first["loc"])
    where = _where(first["loc"], passed)
    rest = f" (and {len(more)} more)" if more else ""
    if first["type"] == "extra_forbidden":
        return f"{name}{where} is not a setting; {_meant(first['loc'])}{rest}"
    # Somebody may have put the key itself where its variable belongs.
    shown = "(not shown)" if name.endswith("api_key_env") else repr(first["input"])
    said = _WANTED.get(first.get("ctx", {}).get("pattern", first["type"]), first["msg"])
    return f"{name} = {shown}{where}: {said[0].lower()}{said[1:]}{rest}"


def _where(path: tuple[str | int, ...], passed: Mapping[str, Any]) -> str:
    """Where a value is from, as ` (…)`: a caller knows what it passed, a variable beats the file."""
    if path[0] in passed:
        return ""
    variable = f"BULLPEN_{path[0]}".upper()
    return f" ({variable})" if os.environ.get(variable) else line_of(*path)


def _meant(path: tuple[str | int, ...]) -> str:
    """What to do about a name that is not a setting."""
    of = Deployment if "deployments" in path else Rung if "rungs" in path[:-1] else Settings
    near = get_close_matches(str(path[-1]), of.model_fields, n=1)
    return f"did you mean {near[0]!r}?" if near else "remove it or mend its name"

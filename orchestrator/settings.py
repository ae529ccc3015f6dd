"""Settings: `bullpen.toml`, then `BULLPEN_…` in the environment, then what a caller passes; later wins.

A mistake is one BadInput line that names the setting, the value and the bound. No secret is ever a setting: a rung
names the environment variable that holds its key.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from .errors import BadInput

FILE = "bullpen.toml"


class Rung(BaseModel):
    """One model in the chain that answers calls. Prices are USD per million tokens; None is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: `provider:model`, for example `litellm:openai/gpt-4o-mini`, `openai_http:qwen3` or `embedded:extract`.
    model: str = Field(pattern=r"^[a-z][a-z0-9_]*:\S+$")
    name: str = ""
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    #: The environment variable that holds the key.
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    price_in_usd: float | None = Field(default=None, ge=0)
    price_out_usd: float | None = Field(default=None, ge=0)
    #: The most tokens one answer may have: asked of the provider, and reserved before the call.
    tokens_out_most: int = Field(default=4096, ge=1)
    #: Absolute bound on one attempt, in seconds.
    timeout_s: float = Field(default=120.0, gt=0)
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


class Settings(BaseSettings):
    """Everything that can be set. Folders are relative to the working directory."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="BULLPEN_", env_ignore_empty=True)

    #: `module:attribute` of the team that is used when none is named.
    default_team: str = Field(default="bullpen.agents:research_team", pattern=r"^[\w.]+:\w+$")
    #: What is remembered together: holds `runs/` and `memory/`.
    project: Path = Path(".bullpen")
    #: Where runs are kept; None is `runs/` in the project.
    runs_dir: Path | None = None
    #: The models that answer, best first. Empty: what the environment offers, else the team's own.
    rungs: tuple[Rung, ...] = ()
    #: The most a job may spend, in USD; None is no limit.
    budget_usd: float | None = Field(default=None, ge=0)
    #: The most seconds a job may take; None is no limit.
    deadline_s: float | None = Field(default=None, gt=0)
    #: The most seconds one attempt at a task may take.
    task_timeout_s: float = Field(default=600.0, gt=0)
    rounds_most: int = Field(default=2, ge=1, le=8)
    tasks_most: int = Field(default=64, ge=1, le=1024)
    depth_most: int = Field(default=3, ge=1, le=8)
    fan_out_most: int = Field(default=8, ge=1, le=64)
    starts_most: int = Field(default=4, ge=1, le=16)
    restarts_most: int = Field(default=5, ge=0)
    restarts_period_s: float = Field(default=60.0, gt=0)

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return self.runs_dir or self.project / "runs"

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(FILE))


def load_settings(**passed: Any) -> Settings:
    """The settings in force. Raises BadInput, one line, for a malformed file or value."""
    given = {name: value for name, value in passed.items() if value is not None}
    try:
        return Settings(**given)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{FILE} is not TOML: {error}; mend or move the file") from error
    except ValidationError as error:
        raise BadInput(f"settings: {_first(error)}") from error
    except ValueError as error:  # pydantic-settings: an environment variable that should be JSON and is not
        raise BadInput(f"settings: {error}; give it as JSON") from error
    except OSError as error:
        raise BadInput(f"{FILE} cannot be read: {error.strerror}; mend its permissions or move it") from error


def _first(error: ValidationError) -> str:
    """The first mistake as `name = value: what is expected`, and how many more there are."""
    first, *more = error.errors(include_url=False)
    name = ".".join(str(part) for part in first["loc"])
    rest = f" (and {len(more)} more)" if more else ""
    if first["type"] == "extra_forbidden":
        return f"{name} is not a setting; remove it or mend its name{rest}"
    # Somebody may have put the key itself where its variable belongs.
    shown = "(not shown)" if name.endswith("api_key_env") else repr(first["input"])
    return f"{name} = {shown}: {first['msg'][0].lower()}{first['msg'][1:]}{rest}"

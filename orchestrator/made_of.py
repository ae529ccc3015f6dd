"""What a job's results rest on beside its question: code, prompts, schemas and settings, each as a fingerprint.

A resumed job goes its way again and asks anew only what is not on record as it is asked now. This says what has changed
since, so that somebody who sees things asked anew also sees why.
"""

import functools
import inspect
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from .finish import name_of
from .gateway.templates import Prompts, read_prompts
from .ids import canonical, digest
from .limits import Limits
from .settings import Settings
from .team import Team
from .worker import Worker, contract_of

#: Settings that say where things are kept, those that have fingerprints of their own, and what is on record itself.
_LEFT_OUT = {"project", "runs_dir", "prompts", *Limits.model_fields}


def made_of(team: Team, settings: Settings, prompts: Prompts | None = None) -> dict[str, str]:
    """By what it is of (`worker search`, `prompt brief`, `setting rungs`), a SHA-256's first 12 digits. Blocking.

    `prompts` are those that a job asks with, as it has read them; None reads them now.
    """
    if prompts is None:
        prompts = read_prompts(
            (folder for each in team.contracts().values() for folder in each.identity.prompts), settings.prompts
        )
    return fixed(team, settings) | of_prompts(prompts)


def fixed(team: Team, settings: Settings) -> dict[str, str]:
    """The part of it that is as long as a system: its code, as it was when this was first asked; schemas; settings."""
    found = {"supervisor": _source(team.supervisor), "draft": _source(team.draft), "compose": _source(team.compose)}
    found |= {f"check {name_of(check)}": _source(check) for check in team.checks}
    for name, contract in team.contracts().items():
        found |= {f"worker {name}": _source(contract.worker), f"schema {name}": _schema(contract.worker)}
    values = settings.model_dump(mode="json", exclude=_LEFT_OUT)
    return found | {f"setting {name}": _short(canonical(value)) for name, value in values.items()}


def of_prompts(prompts: Prompts) -> dict[str, str]:
    """The part of it that is read anew for each job."""
    return {f"prompt {name}": _short(text) for name, text in prompts.by_name().items()}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What is not what it was, in order; nothing where nobody knows what it was."""
    return tuple(
        sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)) if before else ()
    )


def _short(content: str | bytes) -> str:
    return digest(content)[:12]


def _source(code: Any) -> str:
    code = code.func if isinstance(code, functools.partial) else code
    known: Any = code if isinstance(code, Hashable) else type(code)
    return _of_file(known)


@functools.cache
def _of_file(code: Any) -> str:
    """The file that the code is in; its name where it is in none. Read once: what is loaded stays as it was loaded."""
    file = getattr(inspect.getmodule(code), "__file__", None)
    return _short(Path(file).read_bytes() if file and Path(file).is_file() else repr(code))


@functools.cache
def _schema(worker: type[Worker]) -> str:
    return _short(canonical(contract_of(worker).describe()))

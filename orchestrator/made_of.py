"""What a job's results rest on beside its question: code, prompts, schemas and settings, each as a fingerprint.

A resumed job goes its way again and asks anew only what is not on record as it is asked now. This says what has changed
since, so that somebody who sees things asked anew also sees why.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .ids import canonical, digest
from .settings import Settings
from .team import Team

#: Settings that say where things are kept, and those that have fingerprints of their own.
_LEFT_OUT = {"project", "runs_dir", "prompts"}


def made_of(team: Team, settings: Settings) -> dict[str, str]:
    """By what it is of (`worker search`, `prompt brief`, `setting rungs`), a SHA-256's first 12 digits. Blocking."""
    found: dict[str, str] = {"supervisor": _short(_source(team.supervisor))}
    prompts: dict[str, Path] = {}
    for name, contract in team.contracts().items():
        found[f"worker {name}"] = _short(_source(contract.worker))
        found[f"schema {name}"] = _short(canonical(contract.describe()))
        if contract.identity.prompts:
            prompts |= {path.stem: path for path in sorted(contract.identity.prompts.glob("*.md"))}
    for name, path in {**prompts, **settings.prompts}.items():
        found[f"prompt {name}"] = _short(path.read_bytes())
    values = settings.model_dump(mode="json", exclude=_LEFT_OUT)
    return found | {f"setting {name}": _short(canonical(value)) for name, value in values.items()}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What is not what it was, in order; nothing where nobody knows what it was."""
    return tuple(
        sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)) if before else ()
    )


def _short(content: str | bytes) -> str:
    return digest(content)[:12]


def _source(code: Any) -> bytes:
    """The file that the code is in; its name where it is in none."""
    file = getattr(inspect.getmodule(code), "__file__", None)
    return Path(file).read_bytes() if file and Path(file).is_file() else repr(code).encode()

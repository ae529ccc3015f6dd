"""docs/settings.md names every setting once, in order, with its default and its bounds."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bullpen.orchestrator.settings import Deployment, Rung, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def default_of(field: FieldInfo) -> str:
    """As it would stand in bullpen.toml."""
    match field.default:
        case _ if field.is_required():
            return "required"
        case None:
            return "–"
        case bool():
            return f"`{str(field.default).lower()}`"
        case float():
            return f"`{field.default:.15g}`"
        case () | []:
            return "`[]`"
        case str() | Path():
            return f'`"{field.default}"`'
    return f"`{field.default}`"


def bounds_of(field: FieldInfo) -> str:
    """What its value must keep to, where that is a number."""
    bounds: dict[str, Any] = {
        name: getattr(rule, name) for rule in field.metadata for name in ("gt", "ge", "le") if hasattr(rule, name)
    }
    if "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return "".join(f"{sign} {bounds[name]:g}" for name, sign in (("gt", ">"), ("ge", "≥")) if name in bounds)


def rows(heading: str) -> list[tuple[str, str, str, str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: list[tuple[str, str, str, str]] = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) ?\| (.*) \|$", section, re.MULTILINE
    )
    return found


@pytest.mark.parametrize(
    ("heading", "model"), [("Settings", Settings), ("A rung", Rung), ("A deployment of a rung", Deployment)]
)
def test_every_setting_is_on_the_page_with_its_default_and_its_bounds(heading: str, model: type[BaseModel]) -> None:
    fields = model.model_fields

    assert [row[:3] for row in rows(heading)] == [
        (name, default_of(field), bounds_of(field)) for name, field in fields.items()
    ]
    assert all(len(meaning.split()) > 2 for *_, meaning in rows(heading))

"""The team's own prompts name every key of their answers, so that a provider that is given the schema need not be told
it in words as well."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import bullpen.agents
from bullpen.agents.check import Verdicts
from bullpen.agents.desk import Scouted, Triage
from bullpen.agents.gaps import Gaps, Widened
from bullpen.agents.reading import Picked, Read, ReadAll
from bullpen.agents.rows import ReadRows, ReadTable
from bullpen.agents.supervisor import Steered
from bullpen.agents.writing import Written
from bullpen.orchestrator.gateway.form import form_of
from bullpen.orchestrator.gateway.templates import read_template

FOLDER = Path(bullpen.agents.__file__).parent / "prompts"


@pytest.mark.parametrize(
    ("name", "returns"),
    [
        ("read", ReadAll),
        ("read", Read),
        ("read", ReadTable),
        ("rows", ReadRows),
        ("triage", Triage),
        ("scout", Scouted),
        ("write", Written),
        ("check", Verdicts),
        ("gaps", Gaps),
        ("widen", Widened),
        ("select", Picked),
        ("steer", Steered),
    ],
)
def test_a_prompt_names_every_key_of_its_answer(name: str, returns: Any) -> None:
    template = read_template(FOLDER / f"{name}.md", name)

    assert form_of(TypeAdapter(returns).json_schema()).is_named_in(template.system)

"""The team's own prompts name every key of their answers, so that a provider that is given the schema need not be told
it in words as well."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import bullpen.agents
from bullpen.agents.analyze import Judgement
from bullpen.agents.check import Verdicts
from bullpen.agents.desk import Scouted, Triage
from bullpen.agents.gaps import Gaps
from bullpen.agents.reading import Picked, Read, ReadAll
from bullpen.agents.refine import Written as Refined
from bullpen.agents.rows import ReadRows, ReadTable
from bullpen.agents.summarize import Summary
from bullpen.agents.supervisor import Brief, Steered
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
        ("select", Picked),
        ("brief", Brief),
        ("steer", Steered),
        ("analyze", Judgement),
        ("refine", Refined),
        ("summarize", Summary),
    ],
)
def test_a_prompt_names_every_key_of_its_answer(name: str, returns: Any) -> None:
    template = read_template(FOLDER / f"{name}.md", name)

    assert form_of(TypeAdapter(returns).json_schema()).is_named_in(template.system)

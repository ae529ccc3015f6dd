"""What the team reads a question as: one about metadata, with every part of it in its place, or one for the texts."""

from typing import Any

import pytest

from bullpen.agents.inquiry import Inquiry, read_question
from bullpen.agents.selection import names_of
from bullpen.orchestrator.metadata import Condition

from .corpus import RECALLS, REGULATIONS, mentions_of

#: A question, the rule, the conditions, and what else the inquiry says; `date` where the rule goes by it.
REGULATION_QUESTIONS: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = [
    ("What is the status of REG 7?", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    ("what's the status of reg-7", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    ("REG 7: status?", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    ("Is REG 7 active?", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    ("Is REG 6 withdrawn or active?", "lookup", ("id is REG-6",), {"fields": ("status",)}),
    ("When was REG 5 created?", "lookup", ("id is REG-5",), {"fields": ("created",)}),
    ("In what year was REG 5 created?", "lookup", ("id is REG-5",), {"fields": ("created",), "in_years": True}),
    ("Who wrote REG 4?", "lookup", ("id is REG-4",), {"fields": ("authors",)}),
    ("Who are the authors of REG 1?", "lookup", ("id is REG-1",), {"fields": ("authors",)}),
    ('Who authored "Green roofs"?', "lookup", ("id is REG-10",), {"fields": ("authors",)}),
    ("What is the status and the kind of REG 4?", "lookup", ("id is REG-4",), {"fields": ("status", "kind")}),
    (
        "What are the topic, the status and the version of REG 9?",
        "lookup",
        ("id is REG-9",),
        {"fields": ("topic", "status", "version")},
    ),
    ('What is the status of "Green roofs"?', "lookup", ("id is REG-10",), {"fields": ("status",)}),
    ("What is the status of Escape windows?", "lookup", ("id is REG-5",), {"fields": ("status",)}),
    ('What is the status of REG 5, "Escape windows"?', "lookup", ("id is REG-5",), {"fields": ("status",)}),
    ("Which version is REG 5?", "lookup", ("id is REG-5",), {"fields": ("version",)}),
    ("What version of REG 5 is current?", "lookup", ("id is REG-5",), {"fields": ("version",)}),
    ("Which regulation superseded REG 1?", "lookup", ("id is REG-1",), {"fields": ("superseded_by",)}),
    (
        "Which regulation superseded REG 1, and what is its status?",
        "lookup",
        ("id is REG-1",),
        {"fields": ("superseded_by",), "then": ("status",)},
    ),
    (
        "What replaced REG 1 and when was it created?",
        "lookup",
        ("id is REG-1",),
        {"fields": ("superseded_by",), "then": ("created",)},
    ),
    ("Which regulation does REG 7 replace?", "lookup", ("id is REG-7",), {"fields": ("replaces",)}),
    ("Which regulation replaces REG 1?", "lookup", ("id is REG-1",), {"fields": ("superseded_by",)}),
    (
        "Which regulations does REG 5 require, and in which year was each created?",
        "lookup",
        ("id is REG-5",),
        {"fields": ("requires",), "then": ("created",), "in_years": True},
    ),
    ("Which regulations does REG 10 require?", "lookup", ("id is REG-10",), {"fields": ("requires",)}),
    (
        "Which regulation does REG 8 amend, and what is its topic?",
        "lookup",
        ("id is REG-8",),
        {"fields": ("amends",), "then": ("topic",)},
    ),
    ("Is the status of REG 11 Active, Draft or Withdrawn?", "lookup", ("id is REG-11",), {"fields": ("status",)}),
    (
        "What is the status of REG 11 (Active, Draft or Withdrawn)?",
        "lookup",
        ("id is REG-11",),
        {"fields": ("status",)},
    ),
    (
        "Which regulations on fire were created in 2012?",
        "filter",
        ("topic is Fire", "created year 2012"),
        {"fields": ("id",)},
    ),
    ("List all Fire regulations", "filter", ("topic is Fire",), {}),
    ("Which Advisory regulations were created since 2012?", "filter", ("kind is Advisory", "created since 2012"), {}),
    ("Which regulations were created before 2010?", "filter", ("created before 2010",), {"fields": ("id",)}),
    (
        "Which regulations were created between 2012 and 2015?",
        "filter",
        ("created since 2012", "created before 2016"),
        {"fields": ("id",)},
    ),
    ("List the Structure regulations created after 2010.", "filter", ("topic is Structure", "created since 2011"), {}),
    ("How many regulations have the topic Fire?", "count", ("topic is Fire",), {"date": "created"}),
    (
        "How many Fire regulations were created in 2012?",
        "count",
        ("topic is Fire", "created year 2012"),
        {"date": "created"},
    ),
    (
        "How many Stairs regulations are there, and which is the earliest?",
        "count",
        ("topic is Stairs",),
        {"extreme": "min", "date": "created"},
    ),
    (
        "How many Binding regulations are there and which one is the latest?",
        "count",
        ("kind is Binding",),
        {"extreme": "max", "date": "created"},
    ),
    (
        "Which was created first, REG 9 or REG 10?",
        "min",
        ("id is REG-9,REG-10",),
        {"fields": ("created",), "date": "created"},
    ),
    ("Which is older, REG 3 or REG 4?", "min", ("id is REG-3,REG-4",), {"date": "created"}),
    (
        "How many regulations were created each year?",
        "count",
        (),
        {"fields": ("created",), "by_year": True, "date": "created"},
    ),
    (
        "How many regulations were created each year, by topic?",
        "count",
        (),
        {"fields": ("created", "topic"), "by_year": True, "divided": ("topic",), "date": "created"},
    ),
    ("What is the earliest regulation on Structure?", "min", ("topic is Structure",), {"date": "created"}),
    ("Which is the newest Fire regulation?", "max", ("topic is Fire",), {"date": "created"}),
    ("What is the status of REG 77?", "lookup", (), {"fields": ("status",), "unknown": ("REG 77",)}),
    ("When was REG 40 created?", "lookup", (), {"fields": ("created",), "unknown": ("REG 40",)}),
    (
        'Who wrote "Lifts in towers of glass"?',
        "lookup",
        (),
        {"fields": ("authors",), "unknown": ("Lifts in towers of glass",)},
    ),
    (
        "What is the status of REG 7 and REG 40?",
        "lookup",
        ("id is REG-7",),
        {"fields": ("status",), "unknown": ("REG 40",)},
    ),
    (
        "Which regulations on elevators were created in 2012?",
        "filter",
        ("created year 2012",),
        {"fields": ("id",), "left": ("elevators",)},
    ),
    (
        "What is the status of the elevator regulation REG 7?",
        "lookup",
        ("id is REG-7",),
        {"fields": ("status",), "left": ("elevator",)},
    ),
    (
        "How many Fire regulations were signed by the mayor?",
        "count",
        ("topic is Fire",),
        {"left": ("signed", "mayor"), "date": "created"},
    ),
    (
        "Which regulations about handrails are Active?",
        "filter",
        ("status is Active",),
        {"fields": ("id",), "left": ("handrails",)},
    ),
    ("What are the titles of REG 3 and REG 4?", "lookup", ("id is REG-3,REG-4",), {"fields": ("title",)}),
    ("What is the title of REG 3?", "lookup", ("id is REG-3",), {"fields": ("title",)}),
    ("What happened to REG 6?", "lookup", ("id is REG-6",), {"fields": ("status",)}),
    ("Has REG 1 been superseded?", "lookup", ("id is REG-1",), {"fields": ("status",)}),
    ("Tell me the status of REG 2 please", "lookup", ("id is REG-2",), {"fields": ("status",)}),
    ("Could you give me the status of REG 2?", "lookup", ("id is REG-2",), {"fields": ("status",)}),
    ("Which Fire regulations are still in draft?", "filter", ("topic is Fire", "status is Draft"), {}),
    ("What's REG 7's status?", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    (
        "Which regulations were created from 2010 to 2012?",
        "filter",
        ("created since 2010", "created before 2013"),
        {"fields": ("id",)},
    ),
    ("What is the latest version of REG 5?", "lookup", ("id is REG-5",), {"fields": ("version",)}),
    ("Who first proposed REG 7?", "lookup", ("id is REG-7",), {"fields": ("authors",)}),
    (
        "What is the status of the earliest Fire regulation?",
        "min",
        ("topic is Fire",),
        {"fields": ("status",), "date": "created"},
    ),
    ("Is REG 6 about Fire?", "lookup", ("id is REG-6",), {"fields": ("topic",)}),
    ("Is REG 7 Active or not?", "lookup", ("id is REG-7",), {"fields": ("status",)}),
    ("Who created REG 4?", "lookup", ("id is REG-4",), {"fields": ("authors",)}),
    ("Who proposed REG 4 and when?", "lookup", ("id is REG-4",), {"fields": ("authors", "created")}),
    ("Are there any Fire regulations created in 2012?", "filter", ("topic is Fire", "created year 2012"), {}),
    ("Can you list the Stairs regulations?", "filter", ("topic is Stairs",), {}),
    ("Does REG 7 replace REG 1?", "lookup", ("id is REG-7,REG-1",), {"fields": ("replaces",)}),
]

REGULATION_TEXT = [
    "Which regulations require REG 3?",
    "What amends REG 7?",
    "How many authors does REG 1 have?",
    "How many regulations did REG 7 replace?",
    "What does REG 3 depend on?",
    "Why was REG 6 withdrawn?",
    "How does REG 3 prove the load?",
    "What does REG 7 say about handrails?",
    "Explain REG 9.",
    "How wide must a stair be?",
    "What load must a balcony carry?",
    "Compare REG 1 and REG 7.",
    "Who tests the smoke alarm?",
    "Is cement mortar allowed in old masonry?",
    "When does the landlord test the alarm?",
    "What happened in Morven?",
    "How high may the sill of an escape window be?",
    "What is the fee of REG 7?",
    "Summarize the Fire regulations.",
    "What colour is REG 7?",
    "How many steps need a handrail?",
    "Which regulations are not withdrawn?",
    "Which regulations were not created in 2012?",
    "Which Active regulations aren't Binding?",
    "How many regulations other than Fire are Active?",
    "Is timber cladding a fire hazard?",
    "Does a ramp on stairs need a handrail?",
]

RECALL_QUESTIONS: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = [
    (
        "How many lumen-lamp recalls are there?",
        "count",
        ("product is lumen-lamp", "withdrawn absent"),
        {"date": "date"},
    ),
    (
        "How many recalls of the tidekettle were not withdrawn?",
        "count",
        ("product is tidekettle", "withdrawn absent"),
        {"date": "date"},
    ),
    (
        "How many recalls with reason fire were there in 2021?",
        "count",
        ("reason is fire", "date year 2021", "withdrawn absent"),
        {"date": "date"},
    ),
    ("Which recalls were published in Sudland?", "lookup", ("country is Sudland",), {"fields": ("id", "date")}),
    ("In which version was RCL-2021-0003 fixed?", "lookup", ("id is RCL-2021-0003",), {"fields": ("fixed_in",)}),
    ("Which versions fix RCL-2021-0008?", "lookup", ("id is RCL-2021-0008",), {"fields": ("fixed_in",)}),
    (
        "When was the recall RCL-2020-0002 published and what was its reason?",
        "lookup",
        ("id is RCL-2020-0002",),
        {"fields": ("date", "reason")},
    ),
    ("What is the product of RCL-2020-0009?", "lookup", ("id is RCL-2020-0009",), {"fields": ("product",)}),
    ("Which product does RCL-2020-0009 concern?", "lookup", ("id is RCL-2020-0009",), {"fields": ("product",)}),
    (
        "Which was recalled first, the lumen-lamp or the kite?",
        "min",
        ("product is lumen-lamp,kite",),
        {"fields": ("date",), "between": "product", "date": "date"},
    ),
    (
        "Which was reported first, the varde heater or the kite?",
        "min",
        ("product is varde heater,kite",),
        {"fields": ("date",), "between": "product", "date": "date"},
    ),
    ("What was the earliest recall of the product moss?", "min", ("product is moss",), {"date": "date"}),
    (
        "How many varde heater recalls were there, and which was the latest?",
        "count",
        ("product is varde heater", "withdrawn absent"),
        {"extreme": "max", "date": "date"},
    ),
    (
        "List the recalls of lumen-lamp since 2020",
        "filter",
        ("product is lumen-lamp", "date since 2020"),
        {"fields": ("id",)},
    ),
    ("What is the reason for RCL-2022-0013?", "lookup", ("id is RCL-2022-0013",), {"fields": ("reason",)}),
    ("Was RCL-2020-0011 withdrawn?", "lookup", ("id is RCL-2020-0011",), {"fields": ("withdrawn",)}),
    ("When was RCL-2020-0011 withdrawn?", "lookup", ("id is RCL-2020-0011",), {"fields": ("withdrawn",)}),
    (
        "How many recalls were there each year, by country?",
        "count",
        ("withdrawn absent",),
        {"fields": ("country",), "by_year": True, "divided": ("country",), "date": "date"},
    ),
    ("Which countries are named in RCL-2020-0011?", "lookup", ("id is RCL-2020-0011",), {"fields": ("country",)}),
    ("What is the reason for RCL-2030-0001?", "lookup", (), {"fields": ("reason",), "unknown": ("RCL 2030-0001",)}),
    ("How many recalls were there in 2020?", "count", ("date year 2020", "withdrawn absent"), {"date": "date"}),
    ("Which lumen-lamp recalls came before 2020?", "filter", ("product is lumen-lamp", "date before 2020"), {}),
    (
        'Which recall has the title "Bare wire in the socket"?',
        "lookup",
        ("id is RCL-2020-0002",),
        {"fields": ("id", "title")},
    ),
]

RECALL_TEXT = [
    "Why was the lumen-lamp recalled?",
    "How many lamps burned?",
    "Does the heater give off fumes?",
    "Does moss grow on the cart?",
    "How does the kite reel tangle?",
]


def plain(inquiry: Inquiry | None) -> tuple[str, tuple[str, ...], dict[str, Any]] | None:
    """The inquiry as the tables write it."""
    if inquiry is None:
        return None
    said = inquiry.model_dump(exclude_defaults=True, exclude={"rule", "where"})
    if inquiry.rule in ("lookup", "filter"):
        said.pop("date", None)
    return inquiry.rule, tuple(map(condition, inquiry.where)), said


def condition(one: Condition) -> str:
    return f"{one.field} {one.op} {','.join(one.values)}".strip()


@pytest.mark.parametrize(("question", "rule", "where", "more"), REGULATION_QUESTIONS, ids=lambda value: str(value)[:60])
def test_a_question_about_regulations_is_read_as_it_was_meant(
    question: str, rule: str, where: tuple[str, ...], more: dict[str, Any]
) -> None:
    assert plain(read_question(question, mentions_of(question, REGULATIONS))) == (rule, where, more)


@pytest.mark.parametrize(("question", "rule", "where", "more"), RECALL_QUESTIONS, ids=lambda value: str(value)[:60])
def test_a_question_about_recalls_is_read_as_it_was_meant(
    question: str, rule: str, where: tuple[str, ...], more: dict[str, Any]
) -> None:
    assert plain(read_question(question, mentions_of(question, RECALLS))) == (rule, where, more)


@pytest.mark.parametrize("question", REGULATION_TEXT)
def test_a_question_for_the_text_of_a_regulation_is_not_taken_for_one_about_metadata(question: str) -> None:
    assert plain(read_question(question, mentions_of(question, REGULATIONS))) is None


@pytest.mark.parametrize("question", RECALL_TEXT)
def test_a_question_for_the_text_of_a_recall_is_not_taken_for_one_about_metadata(question: str) -> None:
    assert plain(read_question(question, mentions_of(question, RECALLS))) is None


def test_a_value_that_few_documents_have_names_them() -> None:
    question = "Why does the varde heater smell?"
    recalls = (
        *RECALLS,
        *(
            one.model_copy(update={"id": f"X-{n}", "metadata": {"product": f"thing{n}"}})
            for n, one in enumerate(RECALLS * 3)
        ),
    )

    assert [condition(one) for one in names_of(question, mentions_of(question, recalls))] == ["product is varde heater"]
    assert names_of(question, mentions_of(question, RECALLS)) == []  # one of few values names no document

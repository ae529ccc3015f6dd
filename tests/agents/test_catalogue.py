"""Which documents of a large catalogue are shown, and how."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.catalogue import (
    CARDS_MOST,
    CARDS_TOKENS,
    FIELDS_TOKENS,
    FULL_MOST,
    WHOLE_MOST,
    Chosen,
    choose,
    expand,
    fused,
    rendered,
    rendered_fields,
    sources_of,
)
from bullpen.orchestrator.evidence import Card, Passage
from bullpen.orchestrator.lookup import FieldSummary, Summary
from bullpen.orchestrator.rules.tokens import estimate

LARGE = [f"d{n}" for n in range(WHOLE_MOST + 50)]
#: Ids of the catalogue, and some that are not in it.
IDS = st.lists(st.integers(0, WHOLE_MOST + 60).map(lambda n: f"d{n}"), max_size=30)
LINKS = st.dictionaries(st.integers(0, 40).map(lambda n: f"d{n}"), IDS, max_size=8)


@given(
    st.sampled_from([0, 3, WHOLE_MOST, len(LARGE)]),
    st.lists(IDS, max_size=3),
    st.lists(IDS, max_size=5),
    LINKS,
    st.integers(0, 80),
)
def test_nothing_comes_twice_nothing_too_much_and_what_was_looked_up_comes_first(
    size: int, found: list[list[str]], rankings: list[list[str]], links: dict[str, list[str]], most: int
) -> None:
    known = LARGE[:size]
    chosen = choose(known, found, rankings, links, most=most)
    ids = [one.source for one in chosen]

    assert chosen == choose(known, found, rankings, links, most=most)
    assert len(set(ids)) == len(ids) and set(ids) <= set(known)
    assert set(ids) == set(known) if size <= WHOLE_MOST else len(ids) <= most
    asked = {source for one in found for source in one} & set(known)
    assert {*ids[: len(asked)]} <= asked and (len(ids) >= len(asked) or {*ids} <= asked)
    assert all(bool(one.look_ups) == (one.source in asked) for one in chosen)


def test_what_several_rankings_agree_on_comes_before_the_first_of_one() -> None:
    assert fused([["a", "b", "c"], ["b", "d"], ["b", "b", "c"]]) == ("b", "c", "a", "d")
    assert fused([["a"], ["b"]]) == ("a", "b")


def test_a_document_stands_where_its_best_passage_does() -> None:
    passages = [Passage(source=s, title="", start=0, end=1, text="x") for s in ("b", "a", "b", "c")]
    assert sources_of(passages) == ("b", "a", "c")


def test_what_the_best_name_is_shown_though_nothing_found_it() -> None:
    ranking = LARGE[:100]
    links = {"d0": ["d120", "d3"], "d9": ["d121", "d120", "elsewhere"], "d10": ["d122"]}
    chosen = choose(LARGE, [["d50"]], [ranking], links)

    assert chosen[:2] == (Chosen("d50", 51, (1,)), Chosen("d0", 1))
    assert len(chosen) == CARDS_MOST
    assert chosen[-1] == Chosen("d120", named_by="d0")


def test_documents_are_named_by_id_by_name_by_look_up_and_taken_out() -> None:
    known = ["rules/pep-0008.rst", "pep-0751.rst", "notes.md", "-x"]
    found = [["pep-0751.rst", "notes.md"], []]

    assert expand(["PEP 8", "@1", "-notes.md", "PEP 8"], found, known) == (("rules/pep-0008.rst", "pep-0751.rst"), ())
    assert expand(["@2", "@3", "@", "PEP 9", "-@1", "notes"], found, known) == ((), ("@3", "@", "PEP 9"))


@given(st.lists(st.text("@-123da ", max_size=4), max_size=6), st.lists(IDS, max_size=2))
def test_whatever_a_model_names_only_known_documents_come_of_it_each_once(
    wanted: list[str], found: list[list[str]]
) -> None:
    found = [[source for source in ids if source in LARGE] for ids in found]
    ids, unknown = expand(wanted, found, LARGE)

    assert set(ids) <= set(LARGE) and len(set(ids)) == len(ids)
    assert set(unknown) <= set(wanted)


def test_a_card_tells_its_fields_links_and_why_it_is_there() -> None:
    card = Card(
        source="PEP-665",
        title="A file",
        opening="It names wheels.",
        metadata={"status": "Rejected", "superseded_by": "751"},
        links={"superseded_by": ("PEP-751",)},
        tokens=900,
    )
    bare = Card(source="notes.md", title="notes.md")
    chosen = [Chosen("PEP-665", 2, (1, 3)), Chosen("notes.md", named_by="PEP-665"), Chosen("unknown")]

    told, left = rendered(chosen, {"PEP-665": card, "notes.md": bare}, full=1)
    assert left == 0
    assert told.splitlines() == [
        "- [PEP-665] “A file” (look-up 1; look-up 3; rank 2)",
        "  It names wheels. · status: Rejected · superseded_by: PEP-751 · 900 tokens",
        "- [notes.md] (named by PEP-665)",
    ]


def test_fields_tell_what_can_be_looked_up() -> None:
    status = FieldSummary(name="status", kind="text", sources=3, distinct=3, values=(("Final", 2), ("Draft", 1)))
    created = FieldSummary(name="created", kind="date", sources=2, distinct=2, span=("2019", "2021"))
    number = FieldSummary(name="number", kind="identity", sources=3, distinct=3)

    assert rendered_fields(Summary(documents=3, fields=(status, created, number))).splitlines() == [
        "3 documents. Fields, besides id, title and text:",
        "- status (text, in all): Final (2), Draft, … 1 more",
        "- created (date, in 2): from 2019 to 2021",
        "- number (identity, in all)",
    ]


def test_a_catalogue_of_ten_thousand_documents_is_cut_and_what_is_cut_is_counted() -> None:
    many = [f"d{n}" for n in range(10_000)]
    cards = {name: Card(source=name, title=f"Of {name}", opening="It tells of wool. " * 40, tokens=90) for name in many}
    chosen = choose(many, [many], [many], {})
    told, left = rendered(chosen, cards)

    assert (len(chosen), left) == (CARDS_MOST, 0)
    assert estimate(told) <= CARDS_TOKENS
    assert told.count("It tells of wool") >= FULL_MOST


@given(st.integers(0, 150), st.integers(1, 300), st.integers(0, 3_000))
def test_cards_have_room_ids_before_what_they_say(size: int, words: int, most: int) -> None:
    cards = {f"d{n}": Card(source=f"d{n}", title=f"T{n}", opening="wool " * words) for n in range(size)}
    told, left = rendered([Chosen(name) for name in cards], cards, full=size, most=most)
    lines = [line for line in told.splitlines() if line.startswith("- ")]

    assert len(lines) + left == size
    assert estimate(told) <= most + size
    if left:
        assert "wool" not in told or estimate("- [d0] “T0”") > most - sum(map(estimate, lines))


def test_fields_have_room_and_values_that_tell_nothing_are_not_named() -> None:
    fields = tuple(FieldSummary(name=f"field {n}", kind="text", sources=3, distinct=1) for n in range(2_000))
    told = rendered_fields(Summary(documents=3, fields=fields))

    assert estimate(told) <= FIELDS_TOKENS + 40
    assert told.splitlines()[-1] == f"… {2_000 - len(told.splitlines()) + 2} more fields"

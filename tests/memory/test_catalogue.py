"""What a corpus's metadata knows: the names in a question, the fields there are, and the sources a condition picks."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.memory.catalogue import Catalogue, only
from bullpen.orchestrator.evidence import Source
from bullpen.orchestrator.metadata import Condition, Mention, Mentions, as_date, elements, key


def source(id: str, title: str = "", **fields: Any) -> Source:
    return Source(id=id, title=title, uri="u", text_hash="0", metadata=fields)


PEPS = (
    source("PEP-8", "Style Guide", number=8, status="Active", created="05-Jul-2001", by=["Ada Ash", "Bo"]),
    source("PEP-20", "The Zen", number=20, status="Active", created="2004-08-19", by="Bo, Cy", replaces="8"),
    source("PEP-513", 'On "goto" and "come from"', number=513, status="Final", by="Ada Ash", replaces="PEP 20"),
    source("PEP-571", "Two of One Name", number=571, status="Ada Ash", replaces=513),
    source("PEP-599", "Two of one name!", number=599, status="Final", by="Cy", topics="zen of style"),
)


def holding(word: str) -> int:
    return len(word)


def mentions(question: str, *sources: Source) -> Mentions:
    return Catalogue(sources or PEPS).mentions(question, holding)


def found(question: str, *sources: Source) -> list[tuple[str, str, tuple[str, ...]]]:
    """Kind, text and sources of each mention; for a value, its field and itself in place of sources."""
    return [
        (m.kind, m.text, (m.field, m.value) if m.kind == "value" else m.sources)
        for m in mentions(question, *sources).found
    ]


# What a question names


@pytest.mark.parametrize(
    "text",
    ["PEP 8", "pep 8", "PEP-8", "PEP_8", "PEP8", "PEP #8", "PEP 0008", "pep-0008", "PEPs 8", "peps-8", "Pep  8"],
)
def test_an_id_is_known_however_it_is_written(text: str) -> None:
    assert found(f"Is {text} in force?") == [("source", text, ("PEP-8",))]


@pytest.mark.parametrize("id", ["pep-0008.rst", "pep-0008", "PEP 8", "pep_8.txt", "Pep-08.md"])
@pytest.mark.parametrize("text", ["PEP 8", "pep-0008", "PEP-08"])
def test_leading_zeros_and_the_ending_of_a_file_do_not_matter(id: str, text: str) -> None:
    assert found(f"Is {text} in force?", source(id)) == [("source", text, (id,))]


def test_a_file_is_named_with_its_ending_too() -> None:
    assert found("See pep-0008.rst now", source("pep-0008.rst")) == [("source", "pep-0008", ("pep-0008.rst",))]
    assert found("See notes.md and ideas", source("notes.md"), source("ideas.md")) == [
        ("source", "notes.md", ("notes.md",)),
        ("source", "ideas", ("ideas.md",)),
    ]


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("PEPs 513, 571 and 599?", [513, 571, 599]),
        ("PEPs 513, 571, and 599?", [513, 571, 599]),
        ("PEP 513 or 571, not 599?", [513, 571]),
        ("PEP 8 & 20", [8, 20]),
        ("PEP 8, PEP 20 and pep-0513", [8, 20, 513]),
        ("PEP 8 and 20 things", [8, 20]),
        ("8 and 20", []),
        ("STEP 8 or PEPPER 8", []),
    ],
)
def test_numbers_in_a_list_belong_to_their_series(question: str, numbers: list[int]) -> None:
    named = [m for m in mentions(question).found if m.kind == "source"]

    assert [m.sources for m in named] == [(f"PEP-{number}",) for number in numbers]
    assert all(question[m.start : m.end].endswith(str(n)) for m, n in zip(named, numbers, strict=True))


def test_numbers_of_several_parts_are_listed_too() -> None:
    advisories = (source("RUSTSEC-2020-0001"), source("RUSTSEC-2020-0002"))

    assert found("RUSTSEC-2020-0001, 2020-0002 and rustsec 2020-3", *advisories) == [
        ("source", "RUSTSEC-2020-0001", ("RUSTSEC-2020-0001",)),
        ("source", "2020-0002", ("RUSTSEC-2020-0002",)),
        ("unknown", "RUSTSEC 2020-3", ()),
    ]


def test_a_number_that_a_word_is_tied_to_is_whole() -> None:
    assert found("a PEP 8-based style") == [("source", "PEP 8", ("PEP-8",))]


def test_an_id_of_a_series_that_no_source_has_is_unknown() -> None:
    assert found("PEPs 8 and 9999, or pep-0007?") == [
        ("source", "PEPs 8", ("PEP-8",)),
        ("unknown", "PEP 9999", ()),
        ("unknown", "PEP 0007", ()),
    ]
    assert found("RFC 9999?") == []


@pytest.mark.parametrize(
    ("question", "sources"),
    [
        ('Who wrote "Style Guide"?', ("PEP-8",)),
        ("Who wrote “style guide”?", ("PEP-8",)),
        ("Who wrote «Style-Guide»?", ("PEP-8",)),
        ("Who wrote style guide?", ("PEP-8",)),
        ('Who wrote "On "goto" and "come from"", then?', ("PEP-513",)),
        ("Who wrote On goto and come from?", ("PEP-513",)),
        ('Who wrote "Two of one name"?', ("PEP-571", "PEP-599")),
        ("Who wrote two of one name?", ("PEP-571", "PEP-599")),
    ],
)
def test_a_title_is_known_with_its_marks_or_without(question: str, sources: tuple[str, ...]) -> None:
    [mention] = mentions(question).found

    assert (mention.kind, mention.field, mention.sources, mention.count) == ("source", "title", sources, len(sources))


def test_a_quoted_title_that_no_source_has_is_unknown_and_a_few_quoted_words_are_not() -> None:
    assert found('Is "A Title Nobody Chose" older than "The Zen"?') == [
        ("unknown", "A Title Nobody Chose", ()),
        ("source", "The Zen", ("PEP-20",)),
    ]
    assert found('Is it "fully done"?') == []


def test_a_value_that_is_quoted_is_no_unknown_title() -> None:
    assert found('On "zen of style"') == [("value", "zen of style", ("topics", "zen of style"))]


def test_what_has_no_words_names_nothing() -> None:
    untitled = (source("…", ""), source("-", "—", note="!"), source("a-1", "", note="?"))

    assert found('Is "A" or "B", "" or "…" — or - ?', *untitled) == []


def test_a_title_of_one_word_is_a_name_only_in_quotation_marks() -> None:
    assert found("Is time short?", source("x-1", "Time")) == []
    assert found('Is "Time" short?', source("x-1", "Time")) == [("source", "Time", ("x-1",))]


def test_a_value_of_several_fields_is_named_for_each_the_most_frequent_first() -> None:
    assert found("What did Ada Ash do?") == [
        ("value", "Ada Ash", ("by", "Ada Ash")),
        ("value", "Ada Ash", ("status", "Ada Ash")),
    ]
    assert [m.count for m in mentions("ada ash").found] == [2, 1]


def test_a_part_of_a_list_or_of_a_text_with_commas_is_a_value() -> None:
    assert found("Is Bo or Cy right?") == [("value", "Bo", ("by", "Bo")), ("value", "Cy", ("by", "Cy"))]


def test_a_value_says_how_many_passages_hold_all_its_words() -> None:
    known = Catalogue(PEPS).mentions("What did Ada Ash do?", {"Ada Ash": 7, "Ada": 9, "Ash": 8}.__getitem__)

    assert [m.holding for m in known.found] == [7, 7]


def test_the_longest_name_wins() -> None:
    assert found("zen of style guide") == [("value", "zen of style", ("topics", "zen of style"))]
    assert found("the style guide of the zen") == [
        ("source", "style guide", ("PEP-8",)),
        ("source", "the zen", ("PEP-20",)),
    ]


NAMES = ["PEP 8", "PEPs", "8", "20", "513", ",", "and", '"', "Style Guide", "the", "zen", "of", "style", "Ada", "Ash"]
QUESTION = st.lists(st.sampled_from([*NAMES, "Bo", "Active", "PEP-9", "…", "\x00", "goto"]), max_size=14).map(" ".join)


def _apart(one: Mention, other: Mention) -> bool:
    return one.end <= other.start or other.end <= one.start


@given(QUESTION)
def test_mentions_stand_in_order_where_they_say_and_never_overlap(question: str) -> None:
    known = mentions(question)

    assert [m.start for m in known.found] == sorted(m.start for m in known.found)
    for at, mention in enumerate(known.found):
        said = question[mention.start : mention.end]
        assert said
        assert mention.text in said or mention.field == "id"
        assert mention.kind == "unknown" or mention.count > 0
        for other in known.found[:at]:
            same = mention.kind == other.kind == "value" and (mention.start, mention.end) == (other.start, other.end)
            assert _apart(mention, other) or same


@given(QUESTION)
def test_a_value_and_a_source_are_called_what_the_question_says(question: str) -> None:
    known = {source.id: {key(source.id), key(source.title)} for source in PEPS}
    for mention in mentions(question).found:
        if mention.kind == "value":
            assert key(mention.text) == key(mention.value)
        elif mention.field == "title":
            assert all(key(mention.text) in known[id] for id in mention.sources)


# Fields


def kinds(*sources: Source) -> dict[str, str]:
    return {field.name: field.kind for field in Catalogue(sources or PEPS).fields}


def test_a_field_has_the_kind_of_all_it_holds() -> None:
    assert kinds() == {
        "number": "identity",
        "status": "text",
        "created": "date",
        "by": "text",
        "replaces": "reference",
        "topics": "text",
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2001-01-01", ["2002-02-02", "3 Mar 2003"]], "date"),
        (["2001-01-01", "soon"], "text"),
        ([1, 2.5], "number"),
        ([1, "one"], "text"),
        (["PEP 2", "x"], "reference"),
        (["PEP 2", "x, y"], "text"),
        (["PEP 1", "PEP 1"], "text"),
    ],
)
def test_one_value_of_another_kind_makes_it_text(values: list[object], kind: str) -> None:
    assert kinds(*(source(f"PEP-{n}", f=value) for n, value in enumerate(values, start=1))) == {"f": kind}


def test_a_field_says_how_many_sources_have_it_and_names_its_values_where_they_are_few() -> None:
    fields = {field.name: field for field in Catalogue(PEPS).fields}

    assert (fields["status"].sources, fields["status"].distinct) == (5, 3)
    assert fields["status"].values == ("Active", "Final", "Ada Ash")
    assert (fields["by"].sources, fields["by"].distinct) == (4, 3)


@pytest.mark.parametrize(
    ("values", "are_named"),
    [([str(n) for n in range(24)], True), ([str(n) for n in range(25)], False), (["x" * 201, "y"], False)],
)
def test_many_or_long_values_are_not_named(values: list[str], are_named: bool) -> None:
    [field] = Catalogue([source("a", f=values)]).fields

    assert field.distinct == len(values)
    assert (set(field.values) == set(values)) is are_named
    assert bool(field.values) is are_named


def test_the_fields_the_series_and_the_number_of_sources_come_with_every_question() -> None:
    known = mentions("")

    assert (known.fields, known.series, known.sources) == (Catalogue(PEPS).fields, ("pep",), 5)


@pytest.mark.parametrize("name", ["PEP-8", "pep 8", "pep-0008", "8", 8, "08", "Pep_8"])
def test_a_reference_is_an_id_or_a_number(name: object) -> None:
    assert Catalogue(PEPS).resolve(name) == "PEP-8"


@pytest.mark.parametrize("name", [None, "", "9", 9, "RFC 8", "Style Guide", ["PEP-8"], {"a": "PEP-8"}, "-", 8.5])
def test_nothing_else_is_a_reference(name: object) -> None:
    assert Catalogue(PEPS).resolve(name) is None


# Sources that meet conditions


WORD = st.sampled_from(["a", "A", "b", "a, b", "", "7"])
FIELD = WORD | st.sampled_from(["2001-01-01", "31 Dec 2002", 7, None]) | st.lists(WORD, max_size=2)
CORPUS = st.lists(st.dictionaries(st.sampled_from("fg"), FIELD), max_size=6)
CONDITION: st.SearchStrategy[tuple[str, str, list[str]]] = st.one_of(
    st.tuples(st.sampled_from("fgh"), st.just("is"), st.lists(WORD, max_size=2)),
    st.tuples(
        st.sampled_from("fgh"), st.sampled_from(["year", "since", "before"]), st.sampled_from([["2001"], ["2002"]])
    ),
    st.tuples(st.sampled_from("fgh"), st.sampled_from(["absent", "present"]), st.just([])),
)


def _meets(source: Source, field: str, op: str, values: list[str]) -> bool:
    """What a condition asks for, said a second time."""
    held = elements(source.metadata.get(field))
    years = [day.year for day in map(as_date, held) if day]
    whole = source.metadata.get(field)
    match op:
        case "is":
            return bool(held) and bool({key(item) for item in [whole, *held]} & set(map(key, values)))
        case "year":
            return any(str(year) in values for year in years)
        case "since":
            return any(year >= int(values[0]) for year in years)
        case "before":
            return any(year < int(values[0]) for year in years)
    return bool(held) == (op == "present")


@given(CORPUS, st.lists(CONDITION, max_size=3))
def test_every_source_that_meets_all_conditions_is_found_and_no_other(
    corpus: list[dict[str, Any]], asked: list[tuple[str, str, list[str]]]
) -> None:
    sources = [source(f"s-{n}", **fields) for n, fields in enumerate(corpus)]
    where = [Condition.model_validate({"field": f, "op": op, "values": tuple(v)}) for f, op, v in asked]

    expected = [s for s in sources if all(_meets(s, *condition) for condition in asked)]
    assert Catalogue(sources).select(where) == expected


@given(st.permutations(["PEP-8", "PEP-20", "PEP-100", "R-2020-0002", "R-2020-0010", "R-2021-0001"]))
def test_what_is_found_stands_in_the_order_of_its_numbers(ids: list[str]) -> None:
    found = [s.id for s in Catalogue(map(source, ids)).select([])]

    assert found == ["PEP-8", "PEP-20", "PEP-100", "R-2020-0002", "R-2020-0010", "R-2021-0001"]


def test_what_has_no_numbers_keeps_its_order() -> None:
    assert [s.id for s in Catalogue(map(source, "cab")).select([])] == ["c", "a", "b"]


def test_a_source_is_cut_to_the_fields_that_are_asked_for() -> None:
    assert only(PEPS[0], ["status", "nowhere"]) == PEPS[0].model_copy(update={"metadata": {"status": "Active"}})
    assert only(PEPS[0], []) == PEPS[0]


# Whatever it is given


def test_an_empty_corpus_knows_nothing() -> None:
    empty = Catalogue([])

    assert empty.mentions('PEP 8 and "A Title of Old"', holding).fields == ()
    assert [m.kind for m in empty.mentions('PEP 8 and "A Title of Old"', holding).found] == ["unknown"]
    assert empty.select([Condition(field="a", op="absent")]) == []
    assert empty.resolve("PEP 8") is None


def _nested(depth: int) -> object:
    value: object = "deep"
    for n in range(depth):
        value = [value] if n % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(_nested(200), id="nested"),
        pytest.param("x, " * 200_000, id="huge"),
        pytest.param("\x00\ud800 \x00", id="not to be kept"),
        pytest.param([f"value {n}" for n in range(10_000)], id="many values"),
        pytest.param([f"{n:04}-99-99" for n in range(5_000)], id="many that look like days"),
        pytest.param({f"k{n}": n for n in range(10_000)}, id="many keys"),
        pytest.param(["", None, [], {}, " "], id="many nothings"),
        pytest.param([True, 1.5, float("nan"), -1], id="of all kinds"),
    ],
)
def test_hostile_metadata_is_read_and_quickly(value: object) -> None:
    started = time.perf_counter()
    catalogue = Catalogue(
        [source("a-1", f=value), source("a-2").model_copy(update={"metadata": {"\x00": "PEP 1", "": value}})]
    )
    known = catalogue.mentions("Which value 7 is deep in a 2, x?", holding)
    picked = catalogue.select([Condition(field="f", op="is", values=("value 7",)), Condition(field="", op="present")])

    assert known.sources == 2
    assert picked == []
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("id", ["1" * 5_000, "a-" + "1" * 5_000, "\x00", "", "²", "(", "a-" * 2_000])
def test_hostile_ids_and_titles_are_kept_apart(id: str) -> None:
    catalogue = Catalogue([source(id, id), source("PEP-8")])

    assert {s.id for s in catalogue.select([])} == {id, "PEP-8"}
    assert [m.sources for m in catalogue.mentions("Is PEP 8 here?", holding).found] == [("PEP-8",)]


@pytest.mark.parametrize("question", ['"' * 2_000, "PEP " * 2_000, "8, " * 2_000, "PEP 8, " * 500, "a" * 20_000 + " 8"])
def test_a_hostile_question_is_read_quickly(question: str) -> None:
    started = time.perf_counter()
    mentions(question)

    assert time.perf_counter() - started < 5


def test_many_series_cost_no_more_than_one() -> None:
    letters = "abcdefghij"
    sources = [source(f"{a}{b}{c}x-1") for a in letters for b in letters for c in letters]
    catalogue, started = Catalogue(sources), time.perf_counter()
    for _ in range(20):
        assert [m.sources for m in catalogue.mentions("Is aaax 1 here?", holding).found] == [("aaax-1",)]

    assert time.perf_counter() - started < 2
    assert len(catalogue.mentions("", holding).series) == 1000


def test_nothing_of_a_question_is_read_as_a_pattern() -> None:
    odd = (source("a(b-1"), source("x.y"), source("c-1", "C++ [sic"))

    assert found("Is C++ [sic here, or x.y?", *odd) == [("source", "C++ [sic", ("c-1",)), ("source", "x.y", ("x.y",))]

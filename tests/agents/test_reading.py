"""How documents become calls and a model's numbers become notes."""

from hypothesis import given
from hypothesis import strategies as st

from bullpen.agents.gaps import GapsTask, Overview, overview
from bullpen.agents.reading import Note, Notes, ReadNote, batches, consulted, noted, share, shown
from bullpen.orchestrator.evidence import Consulted, Quote, Source
from bullpen.orchestrator.rules.numbering import Numbered, number

SECTIONS = "\n\n".join(f"# Part {n}\n\nThe part {n} says this. It has figure {n}00 in it." for n in range(1, 40))


def document(name: str, text: str, **metadata: object) -> Numbered:
    return number(Source(id=name, title=name.upper(), uri=name, text_hash="", metadata=metadata), text)


TEXTS = {"a": "One is red. Two is blue.", "b": "Three is green.\n\n- four\n- five"}
CALL = shown([document(name, text, status="Final") for name, text in TEXTS.items()], 10_000, {}, {})


def test_a_number_alone_says_which_document_a_sentence_stands_in() -> None:
    told = "\n".join(one.excerpt.text for one in CALL)

    assert told.splitlines() == [
        "[1] (field) status: Final",
        "[2] One is red.",
        "[3] Two is blue.",
        "[4] (field) status: Final",
        "[5] Three is green.",
        "[6] - four",
        "[7] - five",
    ]


@given(st.lists(st.integers(-3, 12), min_size=1, max_size=6))
def test_numbers_become_quotes_of_the_lines_that_they_name_and_of_no_others(numbers: list[int]) -> None:
    kept, loose = noted([ReadNote(text="x", sentences=tuple(numbers))], CALL)
    known = [n for n in numbers if 1 <= n <= 7]

    assert (len(kept), len(loose)) == ((1, 0) if known else (0, 1))
    for quote in (quote for note in kept for quote in note.quotes):
        assert TEXTS[quote.source][quote.start : quote.end] == quote.text
    for note in kept:
        assert {record.source for record in note.records} == {name for n, name in ((1, "a"), (4, "b")) if n in known}
        assert bool(note.quotes) == any(n not in (1, 4) for n in known)


def test_a_long_document_is_cut_to_what_was_found_and_says_so() -> None:
    long = document("long", SECTIONS)
    at = SECTIONS.index("figure 3000")
    one = shown([long], 400, {}, {"long": [at]})[0]

    assert "figure 3000" in one.excerpt.text
    assert "figure 2500" not in one.excerpt.text
    assert one.excerpt.cut
    assert consulted([one])[0].depth == "sections"
    assert "figure 2500" in shown([long], 400, {"long": ("Part 25",)}, {})[0].excerpt.text
    assert "Part 25" in one.excerpt.text  # in the outline of what is not shown


@given(st.lists(st.integers(0, 20_000), max_size=20))
def test_batches_keep_the_order_and_none_is_too_large_unless_it_is_one_document(sizes: list[int]) -> None:
    named = [(str(n), size) for n, size in enumerate(sizes)]
    groups = batches(named, 12_000)

    assert [name for group in groups for name in group] == [name for name, _ in named]
    for group in groups:
        assert len(group) == 1 or sum(sizes[int(name)] for name in group) <= 12_000


@given(st.lists(st.integers(0, 200), max_size=20), st.integers(1, 5))
def test_a_call_has_no_more_documents_than_it_may_have(sizes: list[int], count: int) -> None:
    groups = batches([(str(n), size) for n, size in enumerate(sizes)], 400, count)
    assert all(len(group) <= count for group in groups)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=12), st.integers(0, 30_000))
def test_documents_share_the_room_of_a_call_and_none_is_cut_for_nothing(sizes: list[int], room: int) -> None:
    most = share(sizes, room)
    shown_of = [min(size, most) for size in sizes]

    assert sum(shown_of) <= room or sum(sizes) <= room
    if sum(sizes) <= room:
        assert shown_of == sizes
    else:
        assert sum(shown_of) > room - len(sizes)


def test_of_a_long_document_references_go_first() -> None:
    links = "\n\n".join(f"[{n}] The figure {n}, https://example.org/{n}" for n in range(60))
    long = document("long", f"# References\n\n{links}\n\n{SECTIONS}")
    found = {"long": [long.lines[max(long.lines)].start, long.lines[5].start]}
    one = shown([long], 600, {}, found)[0]

    assert "example.org" not in one.excerpt.text
    assert "figure 3900" in one.excerpt.text
    assert "- References (60)" in one.excerpt.text


def a_note(text: str, at: int, point: int = 1) -> Note:
    return Note(point=point, text=text, quotes=(Quote(source="a", start=at, end=at + 1, text="x"),))


def looked_over(read: list[Notes], *points: str) -> Overview:
    return overview(read, GapsTask(question="?", points=points))


def test_notes_of_all_readings_are_one_list_by_point_and_equal_ones_are_one() -> None:
    first = Notes(points=("Cost?", "Crew?"), notes=(a_note("c", 2, 2), a_note("a", 1)), not_said=())
    second = Notes(points=("Crew?", "Why?"), notes=(a_note("again", 2, 1), a_note("beside", 9, 0)))
    whole = looked_over([first, second], "Cost?", "Crew?")

    assert whole.points == ("Cost?", "Crew?", "Why?")
    assert [(note.point, note.text) for note in whole.notes] == [(1, "a"), (2, "c"), (0, "beside")]
    assert whole.unsaid == ("Why?",)


def test_a_document_that_was_read_whole_once_was_read_whole() -> None:
    part = Notes(documents=(Consulted(source="a", depth="sections", cut="9 sentences"),))
    all_of_it = Notes(documents=(Consulted(source="a"),))

    assert looked_over([part, all_of_it]).documents == looked_over([all_of_it, part]).documents == (all_of_it.documents)


def test_where_look_ups_alone_were_made_the_kind_stays_and_no_point_is_called_open() -> None:
    table = Note(id="T1", text="look-up: 4 of 8", is_table=True)
    whole = overview([], GapsTask(question="?", kind="history", points=("How many?",), tables=(table,)))

    assert (whole.kind, whole.unsaid, whole.notes) == ("history", (), (table,))
    assert looked_over([], "How many?").unsaid == ("How many?",)

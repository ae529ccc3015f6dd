"""Where a body is cut, and what happens to what is around it. No connection is opened."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.testing.provider import Cut, Drip, KeptAlive, Late, Raw, Repeated, Says
from bullpen.orchestrator.testing.provider.wire import Asked, End, Piece, Wait, first

PIECES = st.lists(st.binary(min_size=1, max_size=4) | st.builds(Wait, st.floats(0, 9)), max_size=8)
ASKED = Asked("/v1/chat/completions", {"stream": True}, "", model="small")


def bodies(pieces: list[Piece]) -> list[bytes]:
    return [piece for piece in pieces if isinstance(piece, bytes)]


@given(PIECES, st.integers(-40, 40))
def test_a_cut_at_a_byte_is_a_slice_of_the_body(pieces: list[Piece], at: int) -> None:
    kept = list(first(pieces, at_byte=at, after_chunks=None))

    assert b"".join(bodies(kept)) == b"".join(bodies(pieces))[:at]


@given(PIECES, st.integers(-10, 10))
def test_a_cut_after_a_chunk_is_a_slice_of_the_chunks(pieces: list[Piece], after: int) -> None:
    kept = list(first(pieces, at_byte=None, after_chunks=after))

    assert bodies(kept) == bodies(pieces)[:after]


@given(PIECES)
def test_without_a_place_nothing_is_cut(pieces: list[Piece]) -> None:
    assert list(first(pieces, at_byte=None, after_chunks=None)) == pieces


@given(st.binary(max_size=40), st.integers(1, 9))
def test_a_drip_has_the_same_bytes_and_waits_between_them(body: bytes, size: int) -> None:
    pieces = list(Drip(Raw(body), size=size, every_s=2.0).wire(ASKED).pieces)
    waited = sum(piece.seconds for piece in pieces if isinstance(piece, Wait))

    assert b"".join(bodies(pieces)) == body
    assert waited == 2.0 * max(0, math.ceil(len(body) / size) - 1)


def test_what_comes_after_a_cut() -> None:
    reply = Says("one two")
    stalled = list(Cut(reply, after_chunks=1, then="stall").wire(ASKED).pieces)

    assert Cut(reply, at_byte=5).wire(ASKED).end is End.RESET
    assert Cut(reply, at_byte=5, then="close").wire(ASKED).end is End.CLOSE
    assert Cut(reply, at_byte=5, then="end").wire(ASKED).end is End.WHOLE
    assert stalled[1:] == [Wait(math.inf)]


def test_replies_nest() -> None:
    wire = Late(Cut(Repeated(Drip(Says("one two", delay_s=1), size=None, every_s=0), 1), after_chunks=2), 2).wire(ASKED)
    again = bodies(list(wire.pieces))

    assert (wire.delay_s, wire.end, len(again), again[0]) == (3, End.RESET, 2, again[1])


def test_signs_of_life_never_end() -> None:
    pieces = iter(KeptAlive(Says("hello"), every_s=5).wire(ASKED).pieces)
    signs = [next(pieces) for _ in range(100)]

    assert signs == [b": keep-alive\n\n", Wait(5)] * 50


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"content": "a"}, {"content": "b"}], "a\nb"),
        (
            [{"content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]}],
            "a\n\nb",
        ),
        ([{"content": None}, "odd"], "\n"),
        ("odd", ""),
        (None, ""),
    ],
)
def test_the_text_of_a_request_is_found_in_every_form_of_message(messages: object, text: str) -> None:
    assert Asked("/", {"messages": messages}, "").text == text

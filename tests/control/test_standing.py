"""What is worked out from events alone, and the lines that are exchanged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.control.protocol import (
    LINE_BYTES_MOST,
    Reply,
    Request,
    Steer,
    command_of,
    line_of,
    read_line,
)
from bullpen.orchestrator.control.standing import Standing
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.journal.events import Event


def event(kind: str, body: Any = None, *, epoch: int = 1) -> Event:
    return Event(1, "job", "t1", "", "", epoch, kind, 1000, "", "", json.dumps(body), "")


def asked(name: str) -> dict[str, Any]:
    return {"id": name, "what": "send", "details": {}, "within_s": 60.0}


def standing(*events: Event) -> Standing:
    found = Standing()
    for each in events:
        found.hear(each)
    return found


def test_a_new_owner_begins_unpaused_and_asks_again_but_keeps_answers_notes_and_budget() -> None:
    before = (
        event("control.paused"),
        event("control.steered", {"text": "costs"}),
        event("control.budget_set", {"usd": 2.0}),
        event("approval.asked", asked("a")),
        event("approval.asked", asked("b")),
        event("control.approved", {"id": "a", "reason": ""}),
    )
    owned = standing(*before)
    taken_over = standing(*before, event("task.sent", epoch=2))

    assert (owned.state, owned.waiting["b"].until_ms) == ("paused", 61_000)
    assert (taken_over.state, taken_over.notes, taken_over.budget_usd) == ("running", ["costs"], 2.0)
    assert not taken_over.answers["a"].is_refused


def test_notes_that_came_after_the_reading_are_still_to_be_read() -> None:
    note = [event("control.steered", {"text": text}) for text in "abc"]

    assert standing(note[0], note[1], event("steering.read", ["a", "b"]), note[2]).notes == ["c"]


@given(st.lists(st.sampled_from(["control.paused", "control.resumed", "asked", "answered", "withdrawn"]), max_size=12))
def test_it_stands_still_exactly_while_it_waits_for_a_person(kinds: list[str]) -> None:
    bodies = {"asked": asked("a"), "answered": {"id": "a", "reason": ""}, "withdrawn": {"id": "a"}}
    names = {"asked": "approval.asked", "answered": "control.refused", "withdrawn": "approval.withdrawn"}
    found = standing(*(event(names.get(kind, kind), bodies.get(kind)) for kind in kinds))
    pauses = [kind for kind in kinds if kind.startswith("control.")]
    approvals = [kind for kind in kinds if kind in names]
    is_paused, waits = pauses[-1:] == ["control.paused"], approvals[-1:] == ["asked"]

    assert found.stands_still == (is_paused or waits)
    assert found.state == ("paused" if is_paused else "waiting for approval" if waits else "running")


@given(st.text(max_size=8000))
def test_every_note_with_words_fits_a_line_and_comes_back(text: str) -> None:
    try:
        command = command_of("steer", {"text": text})
    except BadInput:
        return
    line = line_of(Request(job="j" * 36, command=command))

    assert line.count(b"\n") == 1
    assert len(line) <= LINE_BYTES_MOST
    assert read_line(line, Request).command == command


BAD: list[tuple[bytes, str]] = [
    (b"pause\n", "not JSON"),
    (b"\xff\xfe\n", "not JSON"),
    (b"[]\n", "version None"),
    (b'{"version":2,"job":"j","command":{"command":"pause"}}\n', "version 2"),
    (b'{"version":1,"job":"j","command":{"command":"explode"}}\n', "command"),
    (b'{"version":1,"job":"j","command":{"command":"pause","now":true}}\n', "now"),
    (b'{"version":1,"job":"j","command":{"command":"steer","text":" "}}\n', "no words"),
    (b'{"version":1,"job":"j","command":{"command":"budget","usd":-1}}\n', "usd"),
    (b'{"version":1,"job":"j","command":{"command":"budget","usd":NaN}}\n', "usd"),
]


@pytest.mark.parametrize(("line", "named"), BAD)
def test_what_is_no_request_is_named_in_one_line(line: bytes, named: str) -> None:
    with pytest.raises(BadInput, match=named) as caught:
        read_line(line, Request)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values"), [("steer", {"text": "?!"}), ("budget", {"usd": float("inf")}), ("fly", {})]
)
def test_a_command_that_cannot_be_sent_is_refused_before_it_is(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=name):
        command_of(name, values)


def test_a_reply_is_no_request() -> None:
    with pytest.raises(BadInput, match="no request"):
        read_line(line_of(Reply(is_done=True, said="paused")), Request)
    assert Steer(text="costs").command == "steer"

"""Scripts without Python: what a file can say, and what is said of its mistakes."""

import json
import math
from pathlib import Path

import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.testing.provider import (
    Cut,
    Drip,
    Drops,
    Embeds,
    Fails,
    Floods,
    Gzipped,
    Hangs,
    Interrupted,
    Json,
    KeptAlive,
    Late,
    Raw,
    Repeated,
    Rule,
    Says,
    ToolCall,
)
from bullpen.orchestrator.testing.provider.faults import FAULTS
from bullpen.orchestrator.testing.provider.file import load_script

RULES = """
[[rule]]
model = "gpt-4*"
text = "plan"
first_call = 2
last_call = 3
replies = [{ fault = "rate_limited" }, { says = "hello", tokens_in = 7, finish_reason = "length" }]

[[rule]]
replies = [{ fails = 503, retry_after = "soon", code = "busy" }]
"""


def load(tmp_path: Path, text: str, name: str = "script.toml") -> list[object]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [*load_script(tmp_path / name)]


def test_rules_of_a_file(tmp_path: Path) -> None:
    limited = FAULTS["rate_limited"].reply()
    hello = Says("hello", tokens_in=7, finish_reason="length")

    assert load(tmp_path, RULES) == [
        Rule((limited, hello), model="gpt-4*", text="plan", first_call=2, last_call=3),
        Rule((Fails(503, retry_after="soon", code="busy"),)),
    ]


@pytest.mark.parametrize(
    ("given", "reply"),
    [
        ({"says": None}, Says(None)),
        ({"says_json": {"a": [1]}, "model": "other"}, Says('{"a": [1]}', model="other")),
        (
            {"says": None, "tool_calls": [{"name": "search", "arguments": {"q": 1}}]},
            Says(None, tool_calls=(ToolCall("search", {"q": 1}),)),
        ),
        ({"json": True, "status": 418}, Json(True, 418)),
        ({"raw": "<p>", "content_type": "text/html", "headers": {"A": "b"}}, Raw(b"<p>", 200, "text/html", {"A": "b"})),
        ({"floods": 1000}, Floods(1000)),
        ({"floods": True}, Floods()),
        ({"embeds": 3}, Embeds(3)),
        ({"embeds": True, "spoilt": "too_few"}, Embeds(spoilt="too_few")),
        ({"hangs": True}, Hangs()),
        ({"drops": True}, Drops()),
        ({"drops": True, "reset": False}, Drops(reset=False)),
        ({"says": "a", "cut": {"after_chunks": 2, "then": "stall"}}, Cut(Says("a"), after_chunks=2, then="stall")),
        ({"says": "a", "drip": {"size": 3}, "late": {"delay_s": 2}}, Late(Drip(Says("a"), 3), 2)),
        ({"floods": True, "gzipped": {}}, Gzipped(Floods())),
        ({"says": "a", "kept_alive": {"every_s": 1}}, KeptAlive(Says("a"), every_s=1)),
        ({"says": "a", "interrupted": {"by": "oops"}}, Interrupted(Says("a"), b"oops")),
        ({"says": "a", "repeated": {"chunk": 2}}, Repeated(Says("a"), 2)),
    ],
)
def test_a_reply_in_a_file_is_the_same_reply(tmp_path: Path, given: object, reply: object) -> None:
    assert load(tmp_path, json.dumps({"reply": [given]}), "script.json") == [reply]


def test_every_fault_can_be_named(tmp_path: Path) -> None:
    named = {"reply": [{"fault": name} for name in FAULTS]}

    assert len(load(tmp_path, json.dumps(named), "script.json")) == len(FAULTS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[reply]]\nsays = \n", "script.toml is not TOML: Invalid value (at line 2, column 8)"),
        ("", "top level: it needs either `reply`"),
        ("replies = []", "top level: `replies` is not known here; allowed: `reply`, `rule`"),
        ("reply = []", "top level: `reply` needs to be a list with at least one entry"),
        ("reply = ['a']", "top level: reply 1 needs to be a table such as { says = 'hello' }, not 'a'"),
        ("reply = [{says = 'a'}, {}]", "reply 2: it needs exactly one of `fault`, `says_json`, `says`, `fails`"),
        ("reply = [{says = 'a', hangs = true}]", "`drops`; there is says and hangs"),
        ("reply = [{fault = 'rate_limit'}]", "reply 1: there is no fault 'rate_limit'; did you mean `rate_limited`"),
        ("reply = [{fault = 'zzz'}]", "`bullpen fake-provider --list` shows all"),
        ("reply = [{fails = 999}]", "reply 1: `fails` = 999: input should be less than or equal to 599"),
        ("[[rule]]\nfirst_call = 0\nreplies = [{hangs = true}]", "rule 1: `first_call` = 0: input should be greater"),
        ("reply = [{sayz = 'a'}]", "`hangs`, `drops`; there is only `sayz`"),
        ("reply = [{fails = 'often'}]", "reply 1: `fails` = 'often': input should be a valid integer"),
        ("reply = [{says = 'a', token_in = 1}]", "`token_in` is not known here; allowed: `text`, `tokens_in`"),
        ("reply = [{says = 'a', cut = {then = 'x'}}]", "reply 1, cut: `then` = 'x': input should be 'reset', 'close'"),
        ("reply = [{says = 'a', cut = 3}]", "reply 1, cut: it needs a table of `at_byte`, `after_chunks`, `then`"),
        ("reply = [{says = 'a', interrupted = {}}]", "reply 1, interrupted: `by` is missing"),
        ("[[rule]]\nreplies = [{says = 'a'}, {fails = []}]", "rule 1, reply 2: `fails` = []: input should be a valid"),
        ("[[rule]]\nmodel = 'a'", "rule 1: `replies` needs to be a list with at least one entry"),
        ("[[rule]]\nmodels = 'a'\nreplies = [{hangs = true}]", "rule 1: `models` is not known here; allowed: `model`"),
        ("[[rule]]\nfirst_call = 'x'\nreplies = [{hangs = true}]", "rule 1: `first_call` = 'x': input should be"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, text)

    assert says in str(caught.value)
    assert str(tmp_path / "script.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_has_its_line_named_too(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is not JSON: .* line 2 column 2"):
        load(tmp_path, "{\n ]", "script.json")
    with pytest.raises(BadInput, match="needs to be an object"):
        load(tmp_path, "[]", "script.json")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_script(tmp_path / "nowhere.toml")


def test_times_are_numbers_even_without_end(tmp_path: Path) -> None:
    assert load(tmp_path, "reply = [{says = 'a', delay_s = inf}]") == [Says("a", delay_s=math.inf)]

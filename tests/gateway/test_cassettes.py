"""Answers recorded over real HTTP through both lanes, and replayed with nobody there."""

import json
import random
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.envelope import Priority
from bullpen.orchestrator.errors import BadInput, CassetteMiss, NoAnswer
from bullpen.orchestrator.gateway.model import Card, Completion, Piece, Provider, Request, Usage
from bullpen.orchestrator.gateway.providers import tape as format
from bullpen.orchestrator.gateway.providers.cassette import Cassette, Tape
from bullpen.orchestrator.gateway.providers.litellm import LiteLLM
from bullpen.orchestrator.gateway.providers.openai_http import OpenAIHttp
from bullpen.orchestrator.gateway.templates import Message
from bullpen.orchestrator.journal.in_memory import InMemoryJournal
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import CassetteMode, Rung
from bullpen.orchestrator.testing import ManualClock, ScriptedModel
from bullpen.orchestrator.testing.provider import Fails, Raw, Reply, Says, ScriptedProvider

from .stacks import always, asked, says, stack, typed

pytestmark = pytest.mark.anyio
KEY = "sk-test-0123456789"
RUNG = Rung(model="scripted:m")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.json"


def question(text: str = "Say hello.", rung: Rung = RUNG, **more: Any) -> Request:
    request = asked(InMemoryJournal("job", ManualClock()))
    return request._replace(messages=(Message("system", "Be brief."), Message("user", text)), rung=rung, **more)


def lane(name: str, url: str) -> tuple[Rung, Provider]:
    prefix = "openai/" if name == "litellm" else ""
    rung = Rung(model=f"{name}:{prefix}gpt-4o-mini", base_url=url, api_key_env="BULLPEN_TEST_KEY", timeout_s=5)
    return rung, LiteLLM(rung) if name == "litellm" else OpenAIHttp(rung)


@asynccontextmanager
async def used(
    path: Path, mode: CassetteMode = "replay", model: Provider | None = None, rung: Rung = RUNG, **more: Any
) -> AsyncIterator[Cassette]:
    cassette = Cassette(rung, Tape(path, mode, **more), model)
    try:
        yield cassette
    finally:
        await cassette.aclose()


def kept(path: Path) -> dict[str, str]:
    """Every file of the cassette's folder."""
    return {entry.name: entry.read_text(encoding="utf-8") for entry in path.parent.iterdir()}


async def record(path: Path, model: Provider, *texts: str, mode: CassetteMode = "record", **more: Any) -> None:
    async with used(path, mode, model, **more) as cassette:
        for text in texts:
            await cassette.complete(question(text))


async def replayed(path: Path, *texts: str, **more: Any) -> list[str]:
    async with used(path, **more) as cassette:
        return [(await cassette.complete(question(text))).text for text in texts]


@pytest.mark.parametrize("name", ["openai_http", "litellm"])
@pytest.mark.parametrize(
    "reply",
    [
        Says("hello\n\n  wörld 😀\r\n", tokens_in=7, tokens_out=3, model="gpt-4o-mini-2024"),
        Says("half a sen", finish_reason="length"),
        Says(None, refusal="I will not"),
        Fails(429, retry_after_s=12.5),
        Fails(500),
        Raw(b'{"choices"', cut=True),
        Raw(b"<html>"),
    ],
)
async def test_what_came_over_http_comes_again_with_the_server_gone(
    name: str, reply: Reply, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULLPEN_TEST_KEY", KEY)
    with ScriptedProvider([reply]) as server:
        rung, provider = lane(name, server.url)
        async with used(path, "record", provider, rung) as cassette:
            real = await cassette.complete(question(rung=rung))
            listed = await cassette.card()
    async with used(path, rung=rung) as cassette:
        assert await cassette.complete(question(rung=rung)) == real
        assert await cassette.card() == listed
    assert len(server.asked) == 1
    assert (listed.prices is not None) == (name == "litellm")


async def test_equal_requests_get_their_answers_in_order_and_then_no_more(path: Path) -> None:
    await record(path, says("one", "two", "other"), "a", "a", "b")

    assert await replayed(path, "b", "a", "a") == ["other", "one", "two"]
    with pytest.raises(CassetteMiss, match=r"for the 3rd time, 2 recorded.*BULLPEN_CASSETTES=auto"):
        await replayed(path, "a", "a", "a")
    assert await replayed(path, "a", "a", "a", "a", repeat=True) == ["one", "two", "two", "two"]


async def test_auto_asks_only_for_what_is_missing(path: Path) -> None:
    await record(path, says("one"), "a")
    model = says("two", "other")
    await record(path, model, "a", "b", "a", mode="auto")

    assert [request.messages[1].content for request in model.requests] == ["b", "a"]
    assert await replayed(path, "a", "b", "a") == ["one", "two", "other"]


async def test_recording_again_replaces_what_is_asked_again_and_keeps_the_rest(path: Path) -> None:
    await record(path, says("1", "2", "3"), "a", "a", "b")
    await record(path, says("new"), "a")

    assert await replayed(path, "a", "b") == ["new", "3"]
    with pytest.raises(CassetteMiss):
        await replayed(path, "a", "a")


async def test_replay_never_asks_and_never_writes(path: Path) -> None:
    await record(path, says("one"), "a")
    written, model = kept(path), says("never")
    async with used(path, "replay", model) as cassette:
        await cassette.complete(question("a"))
        with pytest.raises(CassetteMiss):
            await cassette.complete(question("b"))

    assert model.requests == []
    assert kept(path) == written


async def test_a_miss_shows_how_it_differs_from_the_nearest(path: Path) -> None:
    long = "the quick brown fox jumps over the lazy dog and then rests " * 3
    await record(path, always("x"), "Name a colour.", f"{long}in the shade\nof the tree", "Count to ten.")
    with pytest.raises(CassetteMiss) as caught:
        await replayed(path, f"{long}in the sun\nof the tree")

    begins, *lines = str(caught.value).split("\n")
    assert "'scripted:m'" in begins
    assert "3 are recorded" in begins
    assert lines == ["- …n rests in the shade", "+ …n rests in the sun"]
    assert len(str(caught.value)) < 500 + len(str(path))


async def test_a_miss_in_an_empty_cassette_says_so(path: Path) -> None:
    with pytest.raises(CassetteMiss, match="nothing is recorded in it; record it with BULLPEN_CASSETTES"):
        await replayed(path, "a")


async def test_a_miss_is_neither_asked_again_nor_hidden_by_another_rung(path: Path) -> None:
    second = always("hidden")
    cassette = Cassette(Rung(model="scripted:m0"), Tape(path))
    model, journal, request = stack([cassette, second])
    with pytest.raises(CassetteMiss):
        await model.complete(request)

    assert second.requests == []
    assert [event.value["type"] for event in journal.events if event.kind == "model.failed"] == ["CassetteMiss"]


async def test_a_recorded_failure_takes_the_same_way_down_the_chain(path: Path) -> None:
    def rungs(first: Provider) -> Any:
        return stack([first, always("from below")])

    failing = always(Completion(Outcome.TOO_LARGE))
    async with used(path, "record", failing, Rung(model="scripted:m0")) as cassette:
        model, _, request = rungs(cassette)
        real = await model.complete(request)
    async with used(path, rung=Rung(model="scripted:m0")) as cassette:
        model, _, request = rungs(cassette)
        again = await model.complete(request)

    assert (again.text, again.receipt.degraded) == (real.text, real.receipt.degraded)
    assert again.receipt.degraded


async def test_prices_are_replayed_so_that_budgets_hold_the_same(path: Path) -> None:
    rung = Rung(model="scripted:m0")
    listed = Card(Prices(1.0, 2.0), 8000)
    async with used(path, "record", always("yes", card=listed), rung) as cassette:
        model, _, request = stack([cassette], limit=100_000)
        real = await model.complete(request)
    async with used(path, rung=rung) as cassette:
        model, _, request = stack([cassette], limit=100_000)
        again = await model.complete(request)
        assert await cassette.card() == listed

    assert again.receipt.micro_usd == real.receipt.micro_usd > 0


async def test_an_answer_that_did_not_come_in_time_does_not_come_again(path: Path) -> None:
    rung = Rung(model="scripted:m0", timeout_s=0.05, attempts_most=1)
    async with used(path, "record", always("late", delay_s=60), rung) as cassette:
        model, _, request = stack([cassette], timeout_s=0.05, attempts_most=1)
        with pytest.raises(NoAnswer, match="timed_out"):
            await model.complete(request)
    async with used(path, rung=rung) as cassette:
        model, _, request = stack([cassette], attempts_most=1)
        with pytest.raises(NoAnswer, match="timed_out"):
            await model.complete(request)


async def test_a_watched_answer_is_shown_in_one_piece(path: Path) -> None:
    await record(path, says("all of it"), "a")
    shown: list[Piece] = []
    async with used(path) as cassette:
        await cassette.complete(question("a", watch=shown.append))

    assert shown == [Piece("all of it", "scripted:m")]


async def test_many_calls_at_once_are_recorded_and_replayed_in_any_order(path: Path) -> None:
    texts = [f"question {n}" for n in range(50)]
    with ScriptedProvider(lambda body: Says(body["messages"][1]["content"], delay_s=0.02)) as server:
        rung, provider = lane("openai_http", server.url)
        async with used(path, "record", provider, rung) as cassette, anyio.create_task_group() as group:
            for text in texts:
                group.start_soon(cassette.complete, question(text, rung))
    random.Random(7).shuffle(texts)

    assert await replayed(path, *texts, rung=rung) == texts
    assert len(server.asked) == 50


async def test_the_order_of_recording_leaves_no_trace(path: Path, tmp_path: Path) -> None:
    await record(path, always("x"), "a", "b", "c")
    await record(tmp_path / "other.json", always("x"), "c", "a", "b")

    assert kept(path)["answers.json"] == kept(path)["other.json"]


async def test_two_rungs_share_one_file(path: Path) -> None:
    shared, first, second = Tape(path, "record"), Rung(model="scripted:a"), Rung(model="scripted:b")
    cassettes = [Cassette(rung, shared, always(rung.model)) for rung in (first, second)]
    for cassette in cassettes:
        await cassette.complete(question("same"))
    for cassette in cassettes:
        await cassette.aclose()

    assert await replayed(path, "same", rung=second) == ["scripted:b"]
    assert await replayed(path, "same", rung=first) == ["scripted:a"]


# ---------------------------------------------------------------- secrets


async def test_no_secret_is_in_the_file_in_any_form(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    secret = 'p@ss/"wörd"+\\&'
    told = [json.dumps({"x": secret}), *encoded(secret), f"Bearer {KEY}"]
    model = always(Completion(Outcome.OK, text=" ".join(told), detail=f"{KEY} {secret}", model=KEY))
    schema = {"type": "object", "properties": {secret: {"const": KEY}}}
    async with used(path, "record", model, secrets=[secret]) as cassette:
        await cassette.complete(question(f"The password is {secret}.", schema=schema))
        await cassette.complete(question(f"The key is {KEY}."))
    text = kept(path)[path.name]

    assert [form for form in told if form[4:-4] in text] == []
    assert not any(form in text for form in (KEY, secret, json.dumps(secret)[1:-1], "wörd", "w%C3%B6rd"))
    assert text.count("[secret]") >= len(told)
    assert "[secret]" in (await replayed(path, f"The key is {KEY}."))[0]


def encoded(secret: str) -> Iterator[str]:
    """What a secret looks like in a URL, a form and a header; Base64 wherever it begins."""
    yield from (quote(secret, safe=""), quote_plus(secret))
    for user in ("", "u", "us", "use"):
        yield b64encode(f"{user}{secret}".encode()).decode()
        yield urlsafe_b64encode(f"{user}{secret}".encode()).decode()


# ---------------------------------------------------------------- files


RECORDED = """{
 "version": 1,
 "recordings": [
  {"request": {"model": "m", "tokens_out_most": 4096,
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ["two", "lines"]}]},
   "answers": [
    {"outcome": "ok", "text": "fine"}]}]}"""


def put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


async def test_a_file_written_by_hand_is_as_good(path: Path) -> None:
    put(path, RECORDED)

    assert await replayed(path, "two\nlines") == ["fine"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"ok"', '"fine"', r"line 7: recordings.0.answers.0.outcome = 'fine'"),
        ('"ok"', '"ok", "tokens_in": -1', r"line 7: recordings.0.answers.0.tokens_in = -1"),
        ('"ok"', '"ok", "txt": ""', r"line 7: recordings.0.answers.0.txt = ''"),
        ('"model": "m", ', "", r"line 4: recordings.0.request.model"),
        ('"lines"]', '"lines", 3]', r"line 5: recordings.0.request.messages.1.content"),
        ('"version": 1', '"version": 2', r"line 2: version = 2"),
        ('"answers": [', '"answers": [,', r"line 6: "),
        (RECORDED, "[]", r"line 1: the file = \[\]"),
        (RECORDED, "{}", r"line 1: version = {}: Field required"),
        (RECORDED, '{"cards": {}}', r"line 1: version = "),
        (RECORDED, " ", r"line 1: "),
        (RECORDED, "[" * 100_000, "of any sense"),
    ],
)
def test_a_broken_file_is_named_with_line_field_and_mend(path: Path, old: str, new: str, told: str) -> None:
    path.write_text(RECORDED.replace(old, new))
    with pytest.raises(BadInput, match=rf"answers\.json', .*{told}|{told}") as caught:
        Tape(path)

    assert "mend the file, or delete it" in str(caught.value)


def test_a_file_that_is_no_text_or_no_file(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8 JSON"):
        Tape(path)
    with pytest.raises(BadInput, match="is a folder where only"):
        Tape(path.parent)


async def test_other_json_is_never_recorded_over_and_an_empty_file_is(path: Path) -> None:
    for other in ("{}", "[]", '{"a": 1}', "null"):
        put(path, other)
        with pytest.raises(BadInput, match="mend the file, or delete it and record again"):
            await record(path, says("new"), "q")
        assert kept(path) == {path.name: other}

    put(path, "")
    await record(path, says("new"), "q")
    assert await replayed(path, "q") == ["new"]


async def test_a_file_over_the_bound_is_refused_before_it_is_read_and_while_it_grows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(format, "BYTES_MOST", 2000)
    async with used(path, "record", says("one", "x" * 3000)) as cassette:
        await cassette.complete(question("a"))
        with pytest.raises(BadInput, match="use several, such as one for each test"):
            await cassette.complete(question("b"))

    assert await replayed(path, "a") == ["one"]
    put(path, RECORDED + " " * 2000)
    with pytest.raises(BadInput, match="is over"):
        Tape(path)


async def test_recording_again_and_again_does_not_fill_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format, "BYTES_MOST", 2000)
    for _ in range(5):
        await record(path, always("x" * 1000), "a")

    assert await replayed(path, "a") == ["x" * 1000]


def test_a_place_that_cannot_be_written_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(BadInput, match="is a folder where only a regular file is opened"):
        format.save(path, format.Content(1))

    assert list(path.parent.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from bullpen.orchestrator.gateway.providers import tape
os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
tape.save(Path(sys.argv[1]), tape.Content(1))
"""


def test_killed_while_writing_the_old_file_stays(path: Path) -> None:
    put(path, RECORDED)
    ended = subprocess.run([sys.executable, "-P", "-c", KILLED, str(path)], check=False)

    assert ended.returncode == -9
    assert kept(path)[path.name] == RECORDED


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(
    st.builds(
        format.Answer,
        outcome=st.sampled_from(Outcome),
        text=TEXT,
        model=TEXT,
        finish_reason=TEXT,
        tokens_in=st.integers(0, 10**9),
        micro_usd=st.none() | st.integers(0, 10**9),
        detail=TEXT,
        retry_after_s=st.none() | st.floats(0, 1e6),
    )
)
def test_an_answer_comes_back_as_it_was(answer: format.Answer) -> None:
    assert format.answer_from(json.loads(json.dumps(format.as_json(answer)))) == answer
    assert format.Answer.of(answer.completion()) == answer


# ---------------------------------------------------------------- what makes two requests the same


SAID = st.lists(
    st.builds(Message, st.sampled_from(["system", "user"]), st.sampled_from(["", "a", "a\n", "b"])), max_size=2
)
SENT = st.fixed_dictionaries(
    {
        "messages": SAID.map(tuple),
        "model": st.sampled_from(["m", "n"]),
        "most": st.sampled_from([10, 20]),
        "asked": st.sampled_from([None, 10, 20]),
        "mode": st.sampled_from(["native", "tool", "prompted"]),
        "is_prompted": st.booleans(),
        "schema": st.sampled_from([None, {"type": "object"}, {"type": "string"}]),
        "prompt": st.sampled_from(["p", "q"]),
    }
)
UNSENT = st.fixed_dictionaries(
    {
        "priority": st.sampled_from(Priority),
        "deadline_s": st.none() | st.floats(0, 9),
        "step": st.sampled_from(["", "k"]),
        "again": st.integers(0, 2),
        "role": st.sampled_from(["r", "judge"]),
        "inputs": st.sampled_from([{}, {"x": 1}]),
        "allowance": st.none() | st.integers(0, 9),
    }
)
PLACE = st.fixed_dictionaries(
    {
        "base_url": st.sampled_from([None, "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"]),
        "api_key_env": st.sampled_from([None, "A_KEY"]),
        "timeout_s": st.sampled_from([1.0, 2.0]),
        "name": st.sampled_from(["", "x"]),
    }
)


def key(sent: dict[str, Any], unsent: dict[str, Any], place: dict[str, Any]) -> str:
    rung = Rung(model=f"scripted:{sent['model']}", tokens_out_most=sent["most"], schema_mode=sent["mode"], **place)
    request = question(rung=rung, **unsent)
    given = {name: sent[name] for name in ("messages", "is_prompted", "schema", "prompt")}
    return format.key_of(format.question_of(request._replace(tokens_out_most=sent["asked"], **given), rung))


def effect(sent: dict[str, Any]) -> Any:
    """What reaches the provider, worked out in another way."""
    is_told = sent["schema"] is not None and sent["mode"] != "prompted" and not sent["is_prompted"]
    schema = (sent["prompt"], sent["mode"], sent["schema"]["type"]) if is_told else None
    return sent["messages"], sent["model"], sent["asked"] or sent["most"], schema


@given(SENT, SENT, UNSENT, UNSENT, PLACE, PLACE)
def test_requests_are_the_same_exactly_when_what_is_sent_is(
    one: dict[str, Any], two: dict[str, Any], a: dict[str, Any], b: dict[str, Any], here: Any, there: Any
) -> None:
    assert (key(one, a, here) == key(two, b, there)) == (effect(one) == effect(two))
    assert key(one, a, here) == key(one, b, there)


def test_the_order_of_a_schemas_keys_is_nothing() -> None:
    one, two = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    keys = {format.key_of(format.question_of(question(schema=schema), RUNG)) for schema in (one, two)}

    assert len(keys) == 1


async def test_a_typed_answer_is_parsed_again(path: Path) -> None:
    model = ScriptedModel({"ask": {"name": "a", "size": 1}})
    for mode in ("record", "replay"):
        async with used(path, mode, model, Rung(model="scripted:m0")) as cassette:
            whole, _, request = stack([cassette])
            completion = await whole.complete(typed(request))
        assert completion.value == {"name": "a", "size": 1}
        assert completion.usage != Usage()

    assert len(model.requests) == 1


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(1, 3)), max_size=4))
def test_a_file_is_never_larger_than_was_thought_while_it_grew(
    tmp_path_factory: pytest.TempPathFactory, kept: list[tuple[str, str, int]]
) -> None:
    file = tmp_path_factory.mktemp("tapes") / "answers.json"
    recordings = [
        format.Recording(format.question_of(question(asked), RUNG), (format.Answer(Outcome.OK, text),) * times)
        for asked, text, times in kept
    ]
    format.save(file, format.Content(1, recordings=tuple(recordings)))
    thought = sum(format.bytes_of(each.request) + sum(map(format.bytes_of, each.answers)) for each in recordings)

    assert file.stat().st_size <= 64 + thought

"""The provider itself: what it answers, what it keeps, and that it can be asked from everywhere at once."""

import base64
import http.client
import json
import math
import socket
import ssl
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.ids import digest
from bullpen.orchestrator.testing.provider import (
    Asked,
    Cut,
    Drip,
    Drops,
    Embeds,
    Fails,
    Floods,
    Hangs,
    Json,
    Raw,
    Repeated,
    Rule,
    Says,
    ScriptedProvider,
    ToolCall,
    calls,
    redirects,
    says_json,
)
from bullpen.orchestrator.testing.provider.embeds import SPOILT
from bullpen.orchestrator.testing.provider.tls import self_signed

from .client import ask, meet


def said(provider: ScriptedProvider, *questions: str, model: str = "small") -> list[str | int]:
    """The text of each answer, or its status where it has none."""
    met = [ask(provider.url, say=question, model=model) for question in questions]
    return [one.text if one.status == 200 else one.status for one in met]


# ---------------------------------------------------------------- answers


@given(st.text(max_size=60))
def test_a_streamed_answer_is_the_plain_one_in_words(text: str) -> None:
    asked = Asked("/v1/chat/completions", {"stream": True}, "", model="small")
    pieces = [piece for piece in Says(text).wire(asked).pieces if isinstance(piece, bytes)]
    chunks = [json.loads(piece.removeprefix(b"data: ")) for piece in pieces[:-1]]

    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == text
    assert (pieces[-1], chunks[-1]["choices"][0]["finish_reason"]) == (b"data: [DONE]\n\n", "stop")


def test_a_stream_has_usage_where_it_was_asked_for() -> None:
    wanted, unwanted = {"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}

    assert meet(Says("hi"), **wanted).chunks[-1]["choices"] == []
    assert meet(Says("hi", 7, 3), **wanted).usage == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert meet(Says("hi"), **unwanted).usage is None
    assert meet(Says("hi", usage=False), **wanted).usage is None
    assert meet(Says("hi", 7, 3, usage_in_last=True), **unwanted).usage["total_tokens"] == 10


@pytest.mark.parametrize("stream", [False, True])
def test_two_tool_calls_at_once(stream: bool) -> None:
    both = (ToolCall("search", {"query": "night bus"}, "a"), ToolCall("read", '{"broken', "b"))
    met = meet(Says("Looking.", tool_calls=both, finish_reason="tool_calls"), stream=stream)
    made = [call for part in met.parts for call in part.get("tool_calls", ())]

    assert met.text == "Looking."
    assert [(call["id"], call["function"]["name"]) for call in made if "id" in call] == [("a", "search"), ("b", "read")]
    assert met.arguments == '{"query": "night bus"}{"broken'
    assert len(made) > 2 if stream else len(made) == 2


def test_an_error_has_any_code_type_parameter_and_header() -> None:
    reply = Fails(
        418, "no tea", headers={"X-Request-Id": "r"}, code="teapot", type="odd", param="cup", retry_after="1e3"
    )
    met = meet(reply)

    assert met.value == {"error": {"message": "no tea", "type": "odd", "param": "cup", "code": "teapot"}}
    assert (met.status, met.headers["X-Request-Id"], met.headers["Retry-After"]) == (418, "r", "1e3")


def test_a_redirect_goes_anywhere_with_any_status() -> None:
    met = meet(redirects("ftp://x.invalid/", 308))

    assert (met.status, met.headers["Location"]) == (308, "ftp://x.invalid/")


def test_any_body_can_be_sent_whatever_was_asked() -> None:
    assert meet(Json([1, None], 207)).value == [1, None]
    assert meet(Json({"odd": 1}), stream=True).events == ['{"odd": 1}', "[DONE]"]
    assert meet(Raw(b"abc", cut=True)).ended == "short"
    assert meet(Drops(reset=False)).ended == "short"


def test_a_drip_takes_its_time() -> None:
    met = meet(Drip(Says("x"), size=100, every_s=0.02))
    with ScriptedProvider([Drip(Says("x"), size=100, every_s=0.02)]) as provider:
        ask(provider.url)
        (asked,) = provider.wait_idle()

    assert met.text == "x"
    assert asked.chunks_sent == math.ceil(asked.bytes_sent / 100) > 1


def test_a_large_body_arrives_before_the_reset() -> None:
    met = meet(Cut(Floods(3_000_000), at_byte=2_000_000))

    assert (len(met.body), met.ended) == (2_000_000, "reset")


def test_a_flood_is_not_held() -> None:
    """What it makes at a time does not grow with what it sends."""
    asked = Asked("/v1/chat/completions", {}, "", model="small")
    pieces = Floods(2**40).wire(asked).pieces

    assert (
        max(len(piece) for piece, _ in zip(pieces, range(1000), strict=False) if isinstance(piece, bytes)) == 64 * 1024
    )


# ---------------------------------------------------------------- embeddings


def test_embeddings_are_the_same_at_every_run_and_of_length_one() -> None:
    with ScriptedProvider() as one, ScriptedProvider() as other:
        given = {"path": "/embeddings", "input": ["night bus", "day bus"], "model": "small-embedding"}
        first, second = ask(one.url, **given).value, ask(other.url, **given).value  # type: ignore[arg-type]

    vectors = [item["embedding"] for item in first["data"]]
    assert first == second
    assert vectors[0] != vectors[1]
    assert [math.isclose(math.hypot(*vector), 1) for vector in vectors] == [True, True]
    assert [item["index"] for item in first["data"]] == [0, 1]
    assert first["model"] == "small-embedding"


@pytest.mark.parametrize(("given", "count"), [("a", 1), (["a", "b", "c"], 3), ([1, 2, 3], 1), ([[1], [2]], 2)])
def test_embeddings_take_every_form_of_input(given: object, count: int) -> None:
    with ScriptedProvider() as provider:
        met = ask(provider.url, path="/embeddings", input=given, dimensions=5, encoding_format="base64")

    packed = [base64.b64decode(item["embedding"]) for item in met.value["data"]]
    assert [len(struct.unpack("<5f", vector)) for vector in packed] == [5] * count


def test_every_way_to_spoil_embeddings_does_what_it_says() -> None:
    given: dict[str, Any] = {"path": "/embeddings", "input": ["a", "b", "c"]}
    with ScriptedProvider(embeddings=[Embeds(dimensions=2, spoilt=name) for name in SPOILT]) as provider:
        answers = {name: ask(provider.url, **given).value["data"] for name in SPOILT}

    whole = answers.pop("none")
    last = {name: data[-1]["embedding"] for name, data in answers.items() if len(data) == 3}
    assert math.isnan(last["nan"][-1])
    assert (last["infinite"][-1], last["zero"], last["not_numbers"][-1]) == (-math.inf, [0.0, 0.0], "many")
    assert len(last["uneven"]) == 3
    assert (answers["too_few"], answers["empty"]) == (whole[:2], [])
    assert answers["out_of_order"] == whole[::-1]
    assert [item["index"] for item in answers["index_twice"]] == [0, 1, 0]
    assert len(answers) == 9


def test_embeddings_have_a_script_of_their_own() -> None:
    with ScriptedProvider([Says("hi")], embeddings=[Fails(503), Embeds(dimensions=2)]) as provider:
        failed = ask(provider.url, path="/embeddings", input="a")
        chat = ask(provider.url)
        done = ask(provider.url, path="/embeddings", input="a")

    assert (failed.status, chat.text, len(done.value["data"][0]["embedding"])) == (503, "hi", 2)
    assert provider.count(path="/embeddings") == 2


# ---------------------------------------------------------------- scripts


def test_a_list_is_given_in_order_and_says_when_it_is_used_up() -> None:
    with ScriptedProvider([Says("a"), Says("b")]) as provider:
        assert said(provider, "1", "2") == ["a", "b"]
        used_up = ask(provider.url)

    assert used_up.status == 500
    assert used_up.value["error"]["message"] == "the script has no reply for request 3"


def test_a_function_that_raises_is_an_answer_that_says_so() -> None:
    def script(body: dict[str, object]) -> Says:
        raise LookupError(f"nothing for {body['model']}")

    with ScriptedProvider(script) as provider:
        met = ask(provider.url)

    assert (met.status, met.value["error"]["message"]) == (500, "the script raised LookupError: nothing for small")


def test_rules_choose_by_model_text_and_call() -> None:
    rules = [
        Rule((Fails(429), Says("planned")), text="plan"),
        Rule((Fails(401),), model="big*", first_call=3),
        Rule((Says("big"),), model="big*"),
        Rule((Says("small"),), last_call=1),
    ]
    with ScriptedProvider(rules) as provider:
        assert said(provider, "a", "a", "a", "a", model="big-1") == ["big", "big", 401, 401]
        assert said(provider, "a plan", "a plan", "a plan") == [429, "planned", "planned"]
        unmatched = ask(provider.url)

    assert unmatched.value["error"]["message"] == "no rule of the script is for request 8 to model 'small'"


def test_a_script_that_cannot_work_is_refused_when_it_is_given() -> None:
    with pytest.raises(TypeError, match="has both"):
        ScriptedProvider([Says("a"), Rule((Says("b"),))])
    with pytest.raises(ValueError, match="rule 2 has no replies"):
        ScriptedProvider([Rule((Says("a"),)), Rule(())])


# ---------------------------------------------------------------- what it keeps


def test_a_request_is_kept_with_what_was_sent_and_nothing_of_its_key() -> None:
    key = "sk-not-to-be-kept"
    with ScriptedProvider([Says("one two")]) as provider:
        met = ask(provider.url, say="hello", key=key, stream=True)
        (asked,) = provider.wait_idle()

    assert (asked.number, asked.path, asked.model, asked.text) == (1, "/v1/chat/completions", "small", "hello")
    assert (asked.status, asked.bytes_sent, asked.chunks_sent) == (200, len(met.body), 4)
    assert (asked.is_over, asked.closed_early, asked.streams) == (True, False, True)
    assert asked.key_hash == digest(key)[:8]
    assert key not in repr(asked)


def test_requests_are_kept_in_the_order_of_arrival_from_any_number_of_threads() -> None:
    with ScriptedProvider(lambda body: Says(body["messages"][0]["content"])) as provider:
        with ThreadPoolExecutor(16) as pool:
            texts = list(pool.map(lambda n: ask(provider.url, say=str(n), model=f"m{n % 2}").text, range(100)))
        asked = provider.wait_idle()

    assert texts == [str(n) for n in range(100)]
    assert [one.number for one in asked] == [*range(1, 101)]
    assert all(before.arrived_s <= after.arrived_s for before, after in pairwise(asked))
    assert (provider.count(), provider.count(model="m1"), provider.count(path="/chat/completions")) == (100, 50, 100)


@pytest.mark.parametrize("reply", [Hangs(), Drip(Says("hello"), every_s=0.01), Says("late", delay_s=60), Floods(2**40)])
def test_a_client_that_leaves_early_is_noticed_and_nothing_is_logged(
    reply: Says, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedProvider([reply]) as provider:
        address = urlsplit(provider.url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            body = b'{"model": "small"}'
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            connection.sendall(body)
            while not provider.asked:
                threading.Event().wait(0.001)
        (asked,) = provider.wait_idle()

    assert asked.closed_early
    assert caplog.records == []


def test_stopping_does_not_wait_for_a_client_that_does_not_read() -> None:
    with ScriptedProvider([Floods(2**40)]) as provider:
        address = urlsplit(provider.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        connection.request("POST", "/v1/chat/completions", "{}")
        connection.getresponse()
    connection.close()

    assert [(asked.is_over, asked.closed_early) for asked in provider.asked] == [(True, False)]


def test_stopping_does_not_wait_for_answers_that_hang() -> None:
    with ScriptedProvider([Hangs()]) as provider:
        ask(provider.url, timeout_s=0.05)
        waiting = threading.Thread(target=ask, args=(provider.url,), kwargs={"timeout_s": 0.05})
        waiting.start()
    waiting.join()

    assert all(asked.is_over for asked in provider.asked)


def test_waiting_for_quiet_has_an_end() -> None:
    with ScriptedProvider([Hangs()]) as provider:
        address = urlsplit(provider.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        connection.request("POST", "/v1/chat/completions", "{}")
        while not provider.asked:
            threading.Event().wait(0.001)
        with pytest.raises(TimeoutError, match="under way"):
            provider.wait_idle(0.01)
        connection.close()


def test_each_request_is_heard_of_once_when_it_is_over() -> None:
    heard: list[Asked] = []
    with ScriptedProvider([Fails(500), Drops()], heard=heard.append) as provider:
        ask(provider.url)
        ask(provider.url)
        asked = provider.wait_idle()

    assert heard == asked
    assert [one.status for one in heard] == [500, None]


@pytest.mark.parametrize("body", ["", "[1]", "{", "[" * 100_000])
def test_a_body_that_is_no_request_is_refused_and_costs_no_reply(body: str) -> None:
    with ScriptedProvider([Says("hi")]) as provider:
        address = urlsplit(provider.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        connection.request("POST", "/v1/chat/completions", body)
        status = connection.getresponse().status
        connection.close()

        assert (status, ask(provider.url).text) == (400, "hi")


# ---------------------------------------------------------------- where it listens


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with ScriptedProvider() as first, pytest.raises(OSError, match="in use"):
        with ScriptedProvider(port=urlsplit(first.url).port or 0):
            pass


def test_latency_is_added_to_every_answer() -> None:
    with ScriptedProvider([Says("hi"), Fails(500)], latency_s=30) as provider:
        assert [ask(provider.url, timeout_s=0.05).ended for _ in range(2)] == ["silent", "silent"]


def test_a_self_signed_certificate_is_refused_by_everybody_who_was_not_told_of_it() -> None:
    with ScriptedProvider([Says("hi")], tls=True) as provider:
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            ask(provider.url, context=ssl.create_default_context())
        told = ssl.create_default_context(cadata=provider.certificate)

        assert provider.url.startswith("https://127.0.0.1:")
        assert ask(provider.url, context=told).text == "hi"
        assert len(provider.asked) == 1


def test_an_expired_certificate_is_refused_by_those_who_were_told_too() -> None:
    with ScriptedProvider(tls="expired") as provider:
        told = ssl.create_default_context(cadata=provider.certificate)
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            ask(provider.url, context=told)


def test_resets_work_through_tls_too() -> None:
    with ScriptedProvider([Cut(Says("hello"), at_byte=20), Repeated(Says("hello"))], tls=True) as provider:
        told = ssl.create_default_context(cadata=provider.certificate)

        assert len(ask(provider.url, context=told).body) == 20


def test_every_certificate_is_another() -> None:
    assert self_signed().certificate != self_signed().certificate


@pytest.mark.anyio
async def test_an_asynchronous_client_is_served_as_well() -> None:
    with ScriptedProvider([says_json({"a": 1}), calls("search", {})]) as provider:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{provider.url}/chat/completions", json={"model": "m"}) as response:
                assert (await response.json())["choices"][0]["message"]["content"] == '{"a": 1}'
            async with session.get(f"{provider.url}/models") as response:
                assert (await response.json())["data"] == [{"id": "scripted", "object": "model"}]

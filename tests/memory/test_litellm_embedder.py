"""An embedding model over real HTTP: what comes is put in order and believed only where it can be used."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.memory import Embedder, litellm_client, litellm_embedder, open_memory
from bullpen.memory.litellm_client import ANSWER_BYTES_MOST
from bullpen.memory.litellm_embedder import TEXTS_MOST, TOKENS_MOST, LiteLLMEmbedder, batches, vectors_of
from bullpen.orchestrator.errors import BadInput, Misconfigured, Unavailable
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.gateway.providers.litellm_library import load
from bullpen.orchestrator.rules.tokens import estimate
from bullpen.orchestrator.settings import Rung
from bullpen.orchestrator.testing.provider import (
    Cut,
    Drip,
    Drops,
    Embeds,
    Fails,
    Gzipped,
    Hangs,
    Json,
    Raw,
    Reply,
    ScriptedProvider,
    redirects,
)
from bullpen.orchestrator.testing.provider.embeds import SPOILT, vector
from bullpen.orchestrator.testing.provider.faults import FAULTS
from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES

KEY = "sk-test-0123456789"
TEXTS = ["night bus", "day bus", "tram"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULLPEN_TEST_KEY", KEY)


@pytest.fixture
def litellms_own_clients() -> Iterator[None]:
    """Closes the connections that LiteLLM keeps for itself, which would be found open by whichever test comes later."""
    yield
    from litellm.llms.custom_httpx.http_handler import HTTPHandler

    for client in load().in_memory_llm_clients_cache.cache_dict.values():
        if isinstance(client, HTTPHandler):
            client.close()


class Asking:
    """An embedder whose model answers with these replies, and how long it waited between them, in seconds."""

    def __init__(self, *replies: Reply, model: str = "openai/small", **rung: Any) -> None:
        self.waits_s: list[float] = []
        self._replies, self._rung = replies, {"timeout_s": 5, "api_key_env": "BULLPEN_TEST_KEY", **rung}
        self._model = model

    def embed(self, *texts: Sequence[str]) -> Any:
        """The vectors of the last of these lists of texts; `asked` is then what the provider was sent."""
        with ScriptedProvider(embeddings=self._replies or None) as provider:
            rung = Rung(model=f"litellm:{self._model}", base_url=provider.url, **self._rung)
            self.embedder = LiteLLMEmbedder(rung, sleep=self.waits_s.append)
            with ThreadPoolExecutor(1) as thread:  # as memory does; beside an event loop LiteLLM makes one of its own
                try:
                    return [*thread.map(self.embedder.embed, texts)][-1]
                finally:
                    self.asked = provider.wait_idle()

    def refused(self, kind: type[Exception], *texts: Sequence[str]) -> str:
        with pytest.raises(kind) as error:
            self.embed(*texts or (TEXTS,))
        return str(error.value)


class TestVectors:
    def test_they_are_the_models_own_in_order_and_of_length_one(self) -> None:
        asking = Asking()

        vectors = asking.embed(TEXTS)

        assert vectors == [pytest.approx(vector(text, 8), abs=1e-6) for text in TEXTS]
        assert [math.hypot(*each) for each in vectors] == pytest.approx([1, 1, 1])
        assert [(each.model, each.body["input"]) for each in asking.asked] == [("small", TEXTS)]

    def test_another_length_than_one_is_made_one(self) -> None:
        given = [{"object": "embedding", "index": 0, "embedding": [3.0, 4.0]}]

        assert Asking(Json({"object": "list", "data": given, "model": "small"})).embed(["a"]) == [[0.6, 0.8]]

    def test_they_follow_their_index_and_not_their_place(self) -> None:
        assert Asking(Embeds(spoilt="out_of_order")).embed(TEXTS) == Asking(Embeds()).embed(TEXTS)

    def test_the_model_is_known_by_its_name_and_its_dimensions(self) -> None:
        with ScriptedProvider(embeddings=lambda _: Embeds(dimensions=5)) as provider:
            embedder: Embedder = LiteLLMEmbedder(Rung(model="litellm:openai/small", base_url=provider.url))
            with ThreadPoolExecutor(1) as thread:
                assert thread.submit(lambda: embedder.id).result() == "litellm:openai/small/5"

            assert (embedder.dimensions, embedder.is_semantic) == (5, True)
            assert provider.count() == 1

    def test_no_text_asks_nobody(self) -> None:
        asking = Asking()

        assert asking.embed([]) == []
        assert asking.asked == []

    def test_what_cannot_be_sent_is_sent_as_what_stands_for_it(self) -> None:
        asking = Asking()
        asking.embed(["", "a \ud800 b"])

        assert asking.asked[0].body["input"] == [" ", "a \ufffd b"]

    def test_many_texts_are_sent_in_several_requests(self) -> None:
        asking, texts = Asking(), [f"text {n}" for n in range(TEXTS_MOST + 3)]

        assert asking.embed(texts) == [pytest.approx(vector(text, 8), abs=1e-6) for text in texts]
        assert [len(each.body["input"]) for each in asking.asked] == [TEXTS_MOST, 3]

    @pytest.mark.parametrize("model", ["hosted_vllm/small", "lm_studio/small"])
    @pytest.mark.usefixtures("litellms_own_clients")
    def test_other_providers_of_litellms_do_as_well(self, model: str) -> None:
        asking = Asking(model=model)

        assert asking.embed(TEXTS) == [pytest.approx(vector(text, 8), abs=1e-6) for text in TEXTS]
        assert len(asking.asked) == 1

    def test_the_tokens_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, "bullpen"):
            Asking().embed(["a text of five words"])

        [told] = [record.getMessage() for record in caplog.records if record.name == "bullpen"]
        assert "texts=1" in told
        assert "'prompt_tokens': 6" in told


class TestAskingAgain:
    @pytest.mark.parametrize("name", ["server_error", "unavailable", "overloaded", "rate_limited_bare", "dropped"])
    def test_what_may_pass_is_asked_again_after_waits_that_double(self, name: str) -> None:
        asking = Asking(FAULTS[name].reply(), FAULTS[name].reply(), Embeds())

        assert len(asking.embed(TEXTS)) == 3
        assert (asking.waits_s, len(asking.asked)) == ([0.5, 1.0], 3)

    def test_a_wait_that_is_asked_for_is_kept(self) -> None:
        asking = Asking(Fails(429, retry_after_s=7), Embeds())

        assert len(asking.embed(TEXTS)) == 3
        assert asking.waits_s == [7.0]

    def test_a_wait_that_is_too_long_is_told_instead(self) -> None:
        asking = Asking(Fails(429, retry_after_s=120))

        assert "rate_limited; it asks for 120 s (" in asking.refused(Unavailable)
        assert (asking.waits_s, len(asking.asked)) == ([], 1)

    def test_silence_is_asked_again_once(self) -> None:
        asking = Asking(Hangs(), Hangs(), timeout_s=0.2)

        assert "timed_out after 2 attempts" in asking.refused(Unavailable)
        assert len(asking.asked) == 2

    def test_a_question_that_is_not_answered_in_time_is_not_asked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm_embedder, "ANSWER_S", 0.2)
        monkeypatch.setattr(litellm_embedder, "TOKEN_S", 0.0)
        asking = Asking(Hangs(), Hangs(), timeout_s=60)

        assert "timed_out (" in asking.refused(Unavailable)
        assert len(asking.asked) == 1

    def test_a_wait_that_is_longer_than_a_question_may_take_is_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm_embedder, "TOKEN_S", 0.0)
        asking = Asking(Fails(429, retry_after_s=20))

        assert "rate_limited; it asks for 20 s (" in asking.refused(Unavailable)
        assert asking.waits_s == []

    def test_an_address_that_does_not_answer_is_left_soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm_client, "CONNECT_TIMEOUT_S", 0.2)
        with ADDRESSES["black_hole"].opened() as url:
            embedder = LiteLLMEmbedder(Rung(model="litellm:openai/small", base_url=url, timeout_s=60))
            with ThreadPoolExecutor(1) as thread, pytest.raises(Unavailable, match="timed_out after 2 attempts"):
                thread.submit(embedder.embed, TEXTS).result(timeout=50)

    def test_what_does_not_pass_is_given_up(self) -> None:
        asking = Asking(*[Fails(500, "out of order")] * 9)

        said = asking.refused(Unavailable)

        assert said.startswith("embedder 'litellm:openai/small': server_error after 3 attempts (")
        assert said.endswith("; try again later, or set another `embedder`")
        assert "out of order" in said
        assert (asking.waits_s, len(asking.asked)) == ([0.5, 1.0], 3)

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (FAULTS["key_refused"].reply(), "set BULLPEN_TEST_KEY to a valid one"),
            (FAULTS["no_such_model"].reply(), "no_such_model (NotFoundError: "),
            (FAULTS["no_quota"].reply(), "the account of BULLPEN_TEST_KEY has no credit left"),
            (Fails(400, "bad"), "; mend `embedder`, or the address in the environment"),
        ],
    )
    def test_what_is_ours_to_mend_is_told_at_once(self, reply: Reply, told: str) -> None:
        asking = Asking(reply)

        assert told in asking.refused(Misconfigured)
        assert (asking.waits_s, len(asking.asked)) == ([], 1)

    def test_the_key_is_never_shown(self) -> None:
        said = Asking(Fails(401, f"Incorrect API key provided: {KEY}")).refused(Misconfigured)

        assert "[key]" in said
        assert KEY not in said


class TestWhatIsNotBelieved:
    @pytest.mark.parametrize(
        ("spoilt", "told"),
        [
            ("nan", "a vector with a number that is NaN or infinite"),
            ("infinite", "a vector with a number that is NaN or infinite"),
            ("zero", "a vector of zeros alone"),
            ("uneven", "vectors of 8, 9 dimensions instead of one number of dimensions"),
            ("too_few", "2 vectors for 3 texts"),
            ("empty", "0 vectors for 3 texts"),
            ("index_twice", "vectors whose indexes are not those of 3 texts"),
        ],
    )
    def test_a_spoilt_answer_is_named(self, spoilt: Any, told: str) -> None:
        asking = Asking(Embeds(spoilt=spoilt))

        assert asking.refused(Unavailable).startswith(f"embedder 'litellm:openai/small' gave {told}; ")

    def test_every_way_to_spoil_one_is_gone_through(self) -> None:
        [marked] = [mark for mark in type(self).test_a_spoilt_answer_is_named.pytestmark if mark.name == "parametrize"]

        assert {name for name, _ in marked.args[1]} == {*SPOILT} - {"none", "out_of_order", "not_numbers"}

    def test_what_litellm_cannot_read_is_asked_again(self) -> None:
        asking = Asking(*[Embeds(spoilt="not_numbers")] * 3)

        assert "server_error after 3 attempts" in asking.refused(Unavailable)

    @pytest.mark.parametrize("embedding", [None, "AAAA", [1.0, "many"], []])
    def test_what_is_not_a_list_of_numbers_is_no_vector(self, embedding: Any) -> None:
        with pytest.raises(ValueError, match=r"a vector (that is not a list of|without) numbers"):
            vectors_of([{"index": 0, "embedding": embedding}], 1, 0)

    def test_another_number_of_dimensions_than_before_is_named(self) -> None:
        said = Asking(Embeds(8), Embeds(5)).refused(Unavailable, TEXTS, TEXTS)

        assert "vectors of 5 dimensions instead of 8 dimensions" in said

    @pytest.mark.parametrize(
        ("reply", "told", "requests"),
        [
            (FAULTS["html"].reply(), "server_error after 3 attempts", 3),
            (Json({"object": "list", "data": None}), "gave 0 vectors for 3 texts", 1),
            (redirects("http://provider.invalid/v1/embeddings"), "redirected (", 1),
            (Gzipped(Embeds()), "the answer is compressed", 1),
            (Raw(b"x" * (ANSWER_BYTES_MOST + 1)), f"the answer is over {ANSWER_BYTES_MOST} bytes", 1),
            (Drops(), "unreachable after 3 attempts", 3),
            (Cut(Embeds(), at_byte=40, then="close"), "unreachable after 3 attempts", 3),
        ],
        ids=["html", "null", "redirect", "gzip", "flood", "dropped", "cut"],
    )
    def test_what_is_no_answer_is_none(self, reply: Reply, told: str, requests: int) -> None:
        asking = Asking(*[reply] * 4)

        assert told in asking.refused(Unavailable)
        assert len(asking.asked) == requests

    def test_a_body_that_drips_ends_in_time(self) -> None:
        asking = Asking(*[Drip(Embeds(), every_s=0.05)] * 2, timeout_s=0.3)

        assert "timed_out after 2 attempts" in asking.refused(Unavailable)

    def test_a_provider_that_nobody_knows_is_named(self) -> None:
        said = Asking(model="no_such_provider/small").refused(BadInput)

        assert "LiteLLM knows no such provider; name one as litellm:provider/model" in said


@pytest.mark.anyio
async def test_a_memory_finds_by_it(tmp_path: Path) -> None:
    documents = [Document(id=name, title="", uri=name, text=f"about the {name}") for name in ("bus", "tram")]
    with ScriptedProvider() as provider:
        embedder = LiteLLMEmbedder(Rung(model="litellm:openai/small", base_url=provider.url))
        async with open_memory(tmp_path, embedder=embedder) as memory:
            await memory.ingest("town", documents)
            found = await memory.search("tram", corpora=["town"], limit=1)

    assert [passage.source for passage in found] == ["tram"]
    assert provider.count(path="/embeddings") == 3  # the dimensions, two passages, the question


class TestRules:
    @given(st.lists(st.integers(0, 20) | st.sampled_from([TOKENS_MOST - 9, TOKENS_MOST + 9]), max_size=2 * TEXTS_MOST))
    def test_batches_hold_every_text_in_order_and_keep_their_bounds(self, sizes: list[int]) -> None:
        texts = ["1" * 3 * size for size in sizes]  # one word of so many tokens
        made = list(batches(texts))

        assert [text for batch in made for text in batch] == texts
        assert all(0 < len(batch) <= TEXTS_MOST for batch in made)
        assert all(sum(map(estimate, batch)) <= TOKENS_MOST for batch in made if len(batch) > 1)

    @given(st.permutations(range(5)))
    def test_any_order_comes_right(self, order: list[int]) -> None:
        data = [{"index": at, "embedding": [1.0 + at, 0.0]} for at in order]
        more = [{"index": at, "embedding": [float(at), -1.0]} for at in order]

        assert vectors_of(data, 5, 2) == [[1.0, 0.0]] * 5
        assert [pair[0] / -pair[1] for pair in vectors_of(more, 5, 0)] == pytest.approx([0, 1, 2, 3, 4])

    @given(st.lists(st.floats(), max_size=6))
    def test_a_vector_has_length_one_or_is_an_error(self, numbers: list[float]) -> None:
        make: Callable[[], Any] = lambda: vectors_of([{"index": 0, "embedding": numbers}], 1, 0)  # noqa: E731
        if math.isfinite(math.hypot(*numbers)) and math.hypot(*numbers) > 1e-300:
            assert math.hypot(*make()[0]) == pytest.approx(1)
        elif not any(numbers) or not math.isfinite(math.hypot(*numbers)):
            with pytest.raises(ValueError, match="a vector"):
                make()

"""The rules for what is done after an outcome: waiting, naming, telling models apart."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.backoff import PATIENCE_S, is_worth_it, wait_s
from bullpen.orchestrator.rules.outcome import Outcome, of_content, of_status
from bullpen.orchestrator.rules.same_model import is_same_model


@given(st.integers(0, 12), st.floats(0, 5), st.none() | st.floats(0, 1e9), st.integers())
def test_a_wait_is_never_shorter_than_asked_and_bounded_where_nobody_asked(
    n: int, base_s: float, asked_s: float | None, seed: int
) -> None:
    pause_s = wait_s(n, base_s=base_s, asked_s=asked_s, chance=random.Random(seed))
    if asked_s is None:
        assert min(base_s * 2**n, 4.0) <= pause_s <= 8.0
    else:
        assert asked_s <= pause_s <= asked_s * 1.1 + 1e-6


@given(st.floats(0, 1000), st.floats(-10, 1000))
def test_nobody_waits_beyond_patience_or_the_deadline(seconds: float, left_s: float) -> None:
    assert is_worth_it(seconds, left_s=left_s) == (seconds <= PATIENCE_S and seconds < left_s)


@given(st.integers(100, 599))
def test_every_status_has_an_outcome_and_only_200_is_good(status: int) -> None:
    assert (of_status(status) is Outcome.OK) == (status == 200)


@given(
    st.none() | st.text(), st.none() | st.sampled_from(["", "stop", "length", "content_filter"]), st.none() | st.text()
)
def test_an_answer_is_good_only_when_it_is_not_cut_short_said_and_not_refused(
    text: str | None, finish_reason: str | None, refusal: str | None
) -> None:
    is_good = of_content(text, finish_reason, refusal) is Outcome.OK

    assert is_good == (finish_reason in (None, "", "stop") and not refusal and bool((text or "").strip()))


@pytest.mark.parametrize(
    ("asked", "returned", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("claude-sonnet-4-latest", "claude-sonnet-4", True),
        ("llama3.1:8b", "llama3.1:8b", True),
        ("models/Qwen3", "qwen3", True),
        ("qwen3", "qwen3.gguf", True),
        ("m", "", True),
        ("auto", "anything", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4", "gpt-4o", False),
        ("claude-opus-4", "claude-haiku-4", False),
        ("llama3.1:70b", "llama3.1:8b", False),
    ],
)
def test_a_dated_name_is_the_same_model_and_a_smaller_one_is_not(asked: str, returned: str, same: bool) -> None:
    assert is_same_model(asked, returned) is same

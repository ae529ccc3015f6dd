"""The prompt tokens of the first job where a model reads: within the bars, with every answer of the script taken."""

from pathlib import Path

import anyio
import pytest

from bullpen.benchmarks.tokens import (
    ANSWERS,
    REPEATED_MOST,
    SEQUENCE_MOST,
    TOKENS_MOST,
    UNCHECKED_MOST,
    Call,
    ask,
    calls_of,
    reply,
)
from bullpen.orchestrator.testing.provider import ScriptedProvider
from bullpen.orchestrator.testing.provider.wire import Asked


@pytest.mark.parametrize(
    ("is_checked", "prompts", "most"),
    [(True, ["read", "write", "check"], TOKENS_MOST), (False, ["read", "write"], UNCHECKED_MOST)],
)
def test_the_first_job_keeps_the_bars(is_checked: bool, prompts: list[str], most: int, tmp_path: Path) -> None:
    with ScriptedProvider(reply) as provider:
        report = anyio.run(lambda: ask(provider.url, tmp_path, "native", is_checked=is_checked))
        calls = calls_of(provider.wait_idle(), None)

    assert [call.prompt for call in calls] == prompts
    assert sum(call.tokens for call in calls) <= most
    assert sum(call.repeated for call in calls) <= REPEATED_MOST * sum(call.tokens for call in calls)
    assert max(call.place for call in calls) <= SEQUENCE_MOST
    mended = next(iter(ANSWERS["overstated"].values()))
    assert (mended in report) is is_checked


def test_what_was_sent_before_is_counted_and_so_is_what_waited_for_an_answer() -> None:
    words = "one two three four five six seven eight nine ten"
    asked = [
        Asked("/", {"messages": [{"role": "user", "content": text}]}, "", arrived_s=at)
        for text, at in ((words, 0.0), (f"{words} and more", 0.1), ("<notes>", 0.9))
    ]
    first, second, third = calls_of(asked, len)

    assert (first.repeated, first.place, first.tiktoken) == (0, 1, len(words) + 1)
    assert second == Call(words[:40], second.tokens, second.tiktoken, round(second.tokens * 10 / 12), 1)
    assert (third.prompt, third.place) == ("write", 2)

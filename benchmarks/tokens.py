"""What the first job's question costs in prompt tokens where a model reads, as a provider is sent it.

    python -m benchmarks.tokens [--without-check] [--mode native|tool|prompted] [--json]

The question of `examples/first_job.sh` over `examples/corpus`, by a scripted provider over HTTP on 127.0.0.1, whose
answers, of the size that a careful reader's have, are in `first_job.json`; sentences are named there by their words.
Counted is all of each request that a model reads: the messages, and the schema or tool beside them. Printed per call are
the tokens, by our estimate and by tiktoken's `o200k_base` where that is at hand; how many of them repeat what was sent
earlier in the job (words that stand in eight in a row that an earlier request had); and which calls waited for which.
Exit status 1 where a bar is missed: 11,000 tokens with the check and 9,000 without, a tenth repeated, four in sequence.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio

from bullpen import Rung, Settings, open_system, research_team
from bullpen.orchestrator.rules.tokens import PER_MESSAGE, estimate
from bullpen.orchestrator.testing.provider import Fails, Late, ScriptedProvider, says_json
from bullpen.orchestrator.testing.provider.wire import Asked, Reply

ROOT = Path(__file__).parents[1]
QUESTION = "What did the night bus pilot cost, who used it, and why was it extended?"
ANSWERS = json.loads(Path(__file__).with_name("first_job.json").read_text(encoding="utf-8"))
#: Each answer takes so long: what arrives earlier than that after another request did not wait for its answer.
_LATE_S = 0.2
#: Words in a row that are no accident.
_RUN = 8
TOKENS_MOST, UNCHECKED_MOST, REPEATED_MOST, SEQUENCE_MOST = 11_000, 9_000, 0.10, 4


@dataclass(frozen=True, slots=True)
class Call:
    """One request: for which prompt, its tokens, how many of them were sent before, its place in the sequence."""

    prompt: str
    tokens: int
    tiktoken: int | None
    repeated: int
    place: int


def reply(body: dict[str, Any]) -> Reply:
    """The answer of the script to one request."""
    text = "\n".join(message["content"] for message in body["messages"])
    match prompt_of(text):
        case "read":
            return Late(
                says_json({**ANSWERS["read"], "notes": [_note(text, *note) for note in ANSWERS["read"]["notes"]]}),
                _LATE_S,
            )
        case "write":
            return Late(says_json(ANSWERS["write"]), _LATE_S)
        case "check":
            return Late(
                says_json(
                    {"verdicts": [_verdict(*one) for one in re.findall(r"^\[(\d+)\] (.*)$", text, re.MULTILINE)]}
                ),
                _LATE_S,
            )
        case other:
            return Fails(500, f"the script has no answer for {other!r}")


def prompt_of(text: str) -> str:
    """Which prompt a request's text is made of."""
    marks = {"<sentences>": "check", "<notes>": "write", "<document ": "read"}
    return next((name for mark, name in marks.items() if mark in text), text[:40])


def _note(text: str, point: int, said: str, words: str) -> dict[str, Any]:
    """A note with the number under which the sentence with these words, or its beginning, is shown."""
    found = re.search(rf"^\[(\d+)\] .*{re.escape(words.partition('. ')[0])}", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no sentence that is shown has the words {words!r}; mend first_job.json")
    return {"point": point, "text": said, "sentences": [int(found[1])]}


def _verdict(number: str, sentence: str) -> dict[str, Any]:
    mend = next((mended for words, mended in ANSWERS["overstated"].items() if words in sentence), "")
    return (
        {"sentence": int(number), "verdict": "overstated", "text": mend}
        if mend
        else {"sentence": int(number), "verdict": "supported"}
    )


async def ask(url: str, folder: Path, mode: Any, *, is_checked: bool) -> str:
    """Run the job; its report."""
    os.environ.setdefault("BULLPEN_SCRIPTED_KEY", "none")
    rung = Rung(
        model="openai_http:scripted", base_url=url, schema_mode=mode, ability="prose", price_in_usd=0, price_out_usd=0
    )
    floors = {} if is_checked else {"judge": 9}
    settings = Settings(project=folder, rungs=(rung,), embedder="hashed", floors=floors)
    async with (
        open_system(settings, research_team) as system,
        system.launch(QUESTION, corpus=ROOT / "examples/corpus") as job,
    ):
        return (await job.result()).text


def calls_of(asked: Sequence[Asked], count: Callable[[str], int] | None) -> list[Call]:
    """What the requests of a job come to."""
    calls: list[Call] = []
    places: list[tuple[float, int]] = []
    before: set[tuple[str, ...]] = set()
    for one in asked:
        beside = [one.body[name] for name in ("response_format", "tools", "tool_choice") if name in one.body]
        told = "\n".join(map(json.dumps, beside))
        tokens = sum(estimate(message["content"]) + PER_MESSAGE for message in one.body["messages"]) + estimate(told)
        words = f"{one.text}\n{told}".split()
        runs = [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
        told_before = {at + n for at, run in enumerate(runs) if run in before for n in range(_RUN)}
        place = 1 + max((p for arrived_s, p in places if arrived_s + _LATE_S <= one.arrived_s), default=0)
        places.append((one.arrived_s, place))
        before.update(runs)
        calls.append(
            Call(
                prompt=prompt_of(one.text),
                tokens=tokens,
                tiktoken=count(f"{one.text}\n{told}") if count else None,
                repeated=round(tokens * len(told_before) / max(1, len(words))),
                place=place,
            )
        )
    return calls


def tiktoken_count() -> Callable[[str], int] | None:
    """How tiktoken counts, by the vocabulary that LiteLLM brings along; None where either is not at hand."""
    litellm = find_spec("litellm")
    if litellm is None or litellm.origin is None or find_spec("tiktoken") is None:
        return None
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(Path(litellm.origin).parent / "litellm_core_utils/tokenizers"))
    encoding = import_module("tiktoken").get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def main() -> int:
    """Print what the job costs; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-check", action="store_true", help="no rung may check what was written")
    parser.add_argument(
        "--mode", choices=["native", "tool", "prompted"], default="native", help="how schemas are asked for"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="print the requests as well")
    given = parser.parse_args()
    with ScriptedProvider(reply) as provider, tempfile.TemporaryDirectory() as folder:
        report = anyio.run(lambda: ask(provider.url, Path(folder), given.mode, is_checked=not given.without_check))
        asked = [one for one in provider.wait_idle() if one.path.endswith("/chat/completions")]
    calls = calls_of(asked, tiktoken_count())
    tokens, repeated = sum(call.tokens for call in calls), sum(call.repeated for call in calls)
    sequence = max(call.place for call in calls)
    if given.show:
        for one in asked:
            print(
                json.dumps({k: v for k, v in one.body.items() if k != "messages"}),
                one.text,
                sep="\n",
                end="\n\n=====\n\n",
            )
        print(report)
    if given.json:
        print(
            json.dumps(
                {
                    "calls": [asdict(call) for call in calls],
                    "tokens": tokens,
                    "repeated": repeated,
                    "in_sequence": sequence,
                }
            )
        )
    else:
        for call in calls:
            print(
                f"{call.place}. {call.prompt:<6} {call.tokens:>6} tokens  tiktoken {call.tiktoken or '–':>6}  repeated {call.repeated:>5}"
            )
        counted = sum(call.tiktoken or 0 for call in calls) or "–"
        print(
            f"   sum    {tokens:>6} tokens  tiktoken {counted:>6}  repeated {repeated / tokens:.1%}  calls in sequence {sequence}"
        )
    most = UNCHECKED_MOST if given.without_check else TOKENS_MOST
    return int(tokens > most or repeated > REPEATED_MOST * tokens or sequence > SEQUENCE_MOST)


if __name__ == "__main__":
    sys.exit(main())

"""Real answers, recorded once and replayed for nothing: a provider that stands before another one.

A request is found by what is really sent (`tape.question_of`), never by time, ids, keys, addresses or deadlines. Equal
requests are counted: the n-th gets the n-th answer, and one more than were recorded is a miss. Failures are recorded as
the outcomes they are. A miss is an error, never a call: it says how the request differs from the nearest recorded one.
"""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import anyio

from ...clock import monotonic_s
from ...errors import BadInput, CassetteMiss
from ...rules.nearest import difference, nearest
from ...rules.outcome import Outcome
from ...rules.redaction import forms_of, redacted
from ...settings import CassetteMode, Rung
from ..model import Card, Completion, Piece, Provider, Request
from ..rungs import secrets_of
from . import tape
from .tape import Answer, Content, Listed, Question, Recording

#: The layer above began to count its time-out a moment before we do.
_NEARLY = 0.95


class Tape:
    """One file of recordings while it is used, shared by all rungs that name it. `save` writes it.

    `replay` gives what is recorded; `record` asks for everything anew and replaces the answers of each request that it
    sees; `auto` gives what is recorded and asks for the rest. With `repeat` the last answer is given again and again.
    """

    def __init__(
        self, path: Path, mode: CassetteMode = "replay", *, secrets: Iterable[str] = (), repeat: bool = False
    ) -> None:
        """Raises BadInput for a file that cannot be used. Blocking. Known keys of the environment are secrets too."""
        self.path, self.mode, self._repeat = path, mode, repeat
        self._forms = forms_of({*secrets, *secrets_of((), os.environ)})
        content = tape.load(path)
        self._cards = dict(content.cards)
        self._questions: dict[str, Question] = {}
        self._answers: dict[str, list[Answer]] = {}
        self._size = 0
        for recording in content.recordings:
            self._put(recording.request, *recording.answers)
        self._times: Counter[str] = Counter()
        self._renewed: set[str] = set()
        self._is_changed = False

    def __len__(self) -> int:
        """How many answers are recorded."""
        return sum(map(len, self._answers.values()))

    def question(self, request: Request, rung: Rung) -> Question:
        """What is sent, without secrets: what the file knows the request by."""
        asked = redacted(tape.as_json(tape.question_of(request, rung)), self._forms)
        return tape.question_from(asked)

    def next_answer(self, question: Question) -> Answer | None:
        """The recorded answer whose turn it is; None where there is none. Each call counts as one time asked."""
        key = tape.key_of(question)
        n, found = self._times[key], self._answers.get(key, [])
        self._times[key] += 1
        if n < len(found):
            return found[n]
        return found[-1] if found and self._repeat else None

    def keep(self, question: Question, completion: Completion) -> None:
        """Put an answer on the tape. Raises BadInput when it is full."""
        key = tape.key_of(question)
        if self.mode == "record" and key not in self._renewed:
            self._renewed.add(key)
            self._size -= sum(map(tape.bytes_of, self._answers.pop(key, ())))
        self._put(question, tape.answer_from(redacted(tape.as_json(Answer.of(completion)), self._forms)))
        self._is_changed = True

    def card(self, rung: Rung) -> Card | None:
        """What the provider's list said when it was asked; None where it was not."""
        listed = self._cards.get(rung.model)
        return listed.card() if listed and self.mode != "record" else None

    def keep_card(self, rung: Rung, card: Card) -> None:
        """Put what the provider's list says on the tape."""
        listed = Listed.of(card)
        self._is_changed |= self._cards.get(rung.model) != listed
        self._cards[rung.model] = listed

    def save(self) -> None:
        """Write what has been recorded, if anything has. Raises BadInput where that cannot be done. Blocking."""
        if self._is_changed:
            recordings = [Recording(self._questions[key], tuple(found)) for key, found in self._answers.items()]
            tape.save(self.path, Content(1, self._cards, tuple(recordings)))
            self._is_changed = False

    def miss(self, question: Question, rung: Rung) -> CassetteMiss:
        """The error that says what is missing, what is nearest, and how to record it."""
        times, key = self._times[tape.key_of(question)], tape.key_of(question)
        begins = f"cassette {str(self.path)!r} has no answer to this request of rung {rung.label!r}"
        mend = "record it with BULLPEN_CASSETTES=auto, or all anew with BULLPEN_CASSETTES=record"
        if key in self._answers:
            return CassetteMiss(f"{begins}: it is asked for the {_nth(times)} time, {times - 1} recorded; {mend}")
        if not self._questions:
            return CassetteMiss(f"{begins}: nothing is recorded in it; {mend}")
        asked = tape.lines_of(question)
        near = nearest(asked, [tape.lines_of(each) for each in self._questions.values()])
        told = "\n".join(difference(near, asked))
        return CassetteMiss(f"{begins}; {mend}. {len(self)} are recorded; the nearest (-) differs in\n{told}")

    def _put(self, question: Question, *answers: Answer) -> None:
        key = tape.key_of(question)
        self._size += sum(map(tape.bytes_of, answers)) + (tape.bytes_of(question) if key not in self._questions else 0)
        if self._size > tape.BYTES_MOST:
            raise BadInput(tape.too_large(self.path))
        self._questions[key] = question
        self._answers.setdefault(key, []).extend(answers)


class Cassette:
    """The provider of one rung, from a tape; `provider` is the real one, which `replay` does without."""

    def __init__(self, rung: Rung, tape: Tape, provider: Provider | None = None) -> None:
        assert provider is not None or tape.mode == "replay", f"to {tape.mode} there must be somebody to ask"
        self._rung, self._tape = rung, tape
        self._provider = None if tape.mode == "replay" else provider

    async def complete(self, request: Request) -> Completion:
        """The recorded answer, in one piece where it is watched; else, where the mode allows it, a real one.

        Raises CassetteMiss in replay, and what the real provider raises.
        """
        question = self._tape.question(request, self._rung)
        answer = None if self._tape.mode == "record" else self._tape.next_answer(question)
        if answer is None:
            if self._provider is None:
                raise self._tape.miss(question, self._rung)
            return await self._recorded(self._provider, request, question)
        if request.watch is not None and answer.text:
            request.watch(Piece(answer.text, self._rung.label))
        await anyio.lowlevel.checkpoint()
        return answer.completion()

    async def card(self) -> Card:
        """The recorded one, else the real one; in replay nothing where none is recorded."""
        card = self._tape.card(self._rung)
        if card is None and self._provider is not None:
            card = await self._provider.card()
            self._tape.keep_card(self._rung, card)
        return card or Card()

    async def aclose(self) -> None:
        """Write the tape and close the real provider; twice is harmless."""
        try:
            self._tape.save()
        finally:
            if self._provider is not None:
                await self._provider.aclose()

    async def _recorded(self, provider: Provider, request: Request, question: Question) -> Completion:
        until_s = monotonic_s() + _NEARLY * self._rung.timeout_s
        try:
            completion = await provider.complete(request)
        except anyio.get_cancelled_exc_class():
            if monotonic_s() >= until_s:
                # The deadline of the layer above: replayed as what that layer makes of it.
                self._tape.keep(
                    question, Completion(Outcome.TIMED_OUT, detail=f"no answer in {self._rung.timeout_s:g} s")
                )
            raise
        self._tape.keep(question, completion)
        return completion


def _nth(n: int) -> str:
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n if n < 20 else n % 10, 'th') }"

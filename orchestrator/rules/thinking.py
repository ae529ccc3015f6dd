"""The thinking that some models write before their answer, between marks such as <think> and </think>. Pure.

Marks within an answer are what it talks about: in prose only what stands before it is thinking, in JSON nothing that a
value holds. An opening mark may be missing, where the server's template has written it for the model. Thinking that
does not end has no answer behind it.
"""

import json
import re
from bisect import bisect
from collections.abc import Callable

#: Magistral writes its marks in brackets, Kimi as ◁think▷, Seed with a name space; Command and OpenThinker name ends.
_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
_LIKE_TAGS = (*(f"<{name}>" for name in _NAMES), "[think]", "◁think▷")
_PAIRS = {
    **{mark: f"{mark[0]}/{mark[1:]}" for mark in _LIKE_TAGS},
    "<|start_thinking|>": "<|end_thinking|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
_OPENING, _CLOSING = tuple(_PAIRS), tuple(_PAIRS.values())
#: What stands around an answer whose thinking has such marks.
_AROUND = re.compile(
    r"\A\s*<\|(?:start_response|begin_of_solution)\|>|<\|(?:end_response|end_of_solution)\|>\s*\Z", re.IGNORECASE
)
#: The channels of gpt-oss, with their marks or as they are left where a server takes the marks away: only what is in
#: the last one is the answer. Source: OpenAI's Harmony response format.
_CHANNELS = re.compile(r"\s*(?:<\|start\|>assistant)?<\|channel\|>|analysis(?=.*assistantfinal)", re.DOTALL)
_FINAL = re.compile(r"<\|channel\|>final[^<]*(?:<\|constrain\|>\w*)?<\|message\|>|assistantfinal")
_FINAL_END = re.compile(r"<\|(?:return|end)\|>\s*\Z")


def _any(marks: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, marks))})"


_OPENS = re.compile(_any(_OPENING), re.IGNORECASE)
_LEADS = re.compile(rf"\s*({_any(_OPENING)})", re.IGNORECASE)
#: A mark that closes ends its line, or the answer's first bracket or fence follows it.
_CLOSES = re.compile(rf"{_any(_CLOSING)}(?:[ \t]*(?:\n|\Z)|\s*(?=[\[{{]|```))", re.IGNORECASE)
_EITHER = re.compile(rf"(?P<opens>{_OPENS.pattern})|{_CLOSES.pattern}", re.IGNORECASE)
_LONGEST = max(map(len, _CLOSING))
_OPENER = re.compile(r"[\[{]")
#: So many brackets may begin no value; what stands behind more of them is taken for none.
_MISSES_MOST = 50
_LENIENT = json.JSONDecoder(strict=False)


def without_thinking(text: str) -> str:
    """An answer in prose without what was thought before it; as it is where nothing was."""
    if _CHANNELS.match(text):
        *_, last = [None, *_FINAL.finditer(text)]
        return _FINAL_END.sub("", text[last.end() :]) if last else ""
    at = 0
    while opened := _LEADS.match(text, at):
        closed = _closing(opened[1]).search(text, opened.end())
        if closed is None:
            return ""
        at = closed.end()
    answer = _AROUND.sub("", text[at:]).strip() if at else text
    closed = _CLOSES.search(answer)
    if closed is None or _OPENS.search(answer, 0, closed.start()) or _within(_values(answer), closed.start()):
        return answer
    behind = answer[closed.end() :].lstrip()
    return behind or answer  # an answer may end with the mark that it talks about


def json_without_thinking(text: str) -> str:
    """What is left of a text whose answer is JSON; as it is where no thinking stands around it."""
    text = without_thinking(text)
    values = _values(text) if _OPENS.search(text) or _CLOSES.search(text) else []
    kept, at = list[str](), 0
    for mark in _EITHER.finditer(text):
        if mark.start() < at or _within(values, mark.start()):
            continue
        if mark["opens"]:
            kept.append(text[at : mark.start()])
            closed = _closing(mark["opens"]).search(text, mark.end())
            at = closed.end() if closed else len(text)
        else:
            kept, at = [], mark.end()
    return "".join((*kept, text[at:]))


def _closing(mark: str) -> re.Pattern[str]:
    """What closes what this mark opens."""
    return re.compile(re.escape(_PAIRS[mark.lower()]), re.IGNORECASE)


def _values(text: str) -> list[tuple[int, int]]:
    """Where JSON values in brackets begin and end."""
    found, at, missed = list[tuple[int, int]](), 0, 0
    while missed < _MISSES_MOST and (opener := _OPENER.search(text, at)):
        try:
            _, at = _LENIENT.raw_decode(text, opener.start())
            found.append((opener.start(), at))
        except (ValueError, RecursionError):
            at, missed = opener.end(), missed + 1
    return found


def _within(values: list[tuple[int, int]], at: int) -> bool:
    """Whether what stands there is in one of the values."""
    n = bisect(values, (at, 0))
    return n > 0 and at < values[n - 1][1]


class Spoken:
    """Shows a stream as it comes, but for the thinking before it; `show` is called with each new part of the answer."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        #: What is not shown yet, since it may be thinking.
        self._held = ""
        #: What ends the thinking that has begun.
        self._until: re.Pattern[str] | None = None
        self._has_thought = self._is_open = False
        self._shown: list[str] = []

    def hear(self, text: str) -> None:
        """The next part of what the model writes."""
        if self._is_open:
            self._say(text)
            return
        self._held += text
        while self._until or not self._is_answer():
            mark = (self._until or _LEADS).search(self._held)
            if mark is None:
                self._held = self._held[-_LONGEST:] if self._until else self._held
                return
            self._held = self._held[mark.end() :]
            self._until = None if self._until else _closing(mark[1])
            self._has_thought = True
        self._is_open = True
        self._say(self._held.lstrip() if self._has_thought else self._held)

    def is_all(self, answer: str) -> bool:
        """Whether what has been shown is this answer, and nothing else."""
        return "".join(self._shown).strip() == answer.strip()

    def has_shown(self) -> bool:
        """Whether anything has been."""
        return bool(self._shown)

    def _say(self, text: str) -> None:
        self._shown.append(text)
        self._show(text)

    def _is_answer(self) -> bool:
        """Whether what is held cannot be the beginning of a mark."""
        begins = self._held.lstrip().lower()
        return not any(mark.startswith(begins) or begins.startswith(mark) for mark in _OPENING)

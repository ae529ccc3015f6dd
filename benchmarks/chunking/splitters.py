"""The ways to cut a text that are compared: ours, by characters, into equal runs of tokens, and recursively."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from bullpen.memory.chunking import SIZE, Chunk, Chunking, chunk, tokens
from bullpen.memory.minilm import TOKENIZER
from bullpen.orchestrator.rules.headings import headings
from bullpen.orchestrator.rules.tokens import estimate

from .scoring import Span

#: Of ours: the shares of a passage that neighbours have in common, in percent, and with which sizes, in tokens.
SHARES = (0, 10, 20, 50)
SIZES = (("ours", SIZE[1], SHARES), ("smaller", 250, SHARES), ("larger", 360, SHARES), ("small", 150, (0,)))

Split = Callable[[str], list[Chunk]]

#: Where a recursive splitter cuts, from the best place to the worst.
SEPARATORS = ("\n\n", "\n", ".", "?", "!", " ")


class Way(NamedTuple):
    """A way to cut, and what its row says."""

    name: str
    size: str
    overlap: str
    split: Split


def ways(folder: Path) -> Mapping[str, Way]:
    """Every way by its key; `folder` holds the model, whose tokens size the ways that are not ours."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = {}
    for name, most, shares in SIZES:
        for share in shares:
            chunking = Chunking((most * 5 // 6, most), overlap=most * share // 100)
            found[f"{name}-{share}"] = Way("ours", f"{most}", f"{share} %", partial(chunk, chunking=chunking))
    found["markdown"] = Way("as Markdown", f"{SIZE[1]}", "0 %", markdown)
    found["estimate"] = Way("ours", "300 estimated", "0 %", by_estimate)
    found["characters"] = Way("ours", "1,200 characters", "0 %", characters)
    for share in (0, 50):
        overlap = 250 * share // 100
        found[f"fixed-{share}"] = Way(
            "equal runs", "250 of MiniLM", f"{share} %", partial(fixed, tokenizer, 250, overlap)
        )
        recursively = partial(recursive, tokenizer, 250, overlap)
        found[f"recursive-{share}"] = Way("recursive", "250 of MiniLM", f"{share} %", recursively)
    return found


def markdown(text: str) -> list[Chunk]:
    """Of our size, and as Markdown whether the text is or not."""
    return _numbered(MarkdownSplitter.from_callback(tokens, SIZE).chunk_indices(text))


def by_estimate(text: str) -> list[Chunk]:
    """Ours, by the tokens that a question to a model is measured in."""
    is_marked_up = any(headings(text)) or "```" in text
    splitter = MarkdownSplitter if is_marked_up else TextSplitter
    return _numbered(splitter.from_callback(estimate, (250, 300)).chunk_indices(text))


def characters(text: str) -> list[Chunk]:
    """Filled with at least 1,000 characters and at most 1,200."""
    return _numbered(TextSplitter((1_000, 1_200)).chunk_indices(text))


def _numbered(pieces: Iterable[tuple[int, str]]) -> list[Chunk]:
    return [Chunk(start, start + len(piece), piece, "") for start, piece in pieces if piece.strip()]


def fixed(tokenizer: Any, size: int, overlap: int, text: str) -> list[Chunk]:
    """Runs of `size` tokens, wherever that cuts."""
    tokens = tokenizer.encode(text, add_special_tokens=False).offsets
    last = max(1, len(tokens) - overlap)
    runs = [tokens[at : at + size] for at in range(0, last, size - overlap)] if tokens else []
    return _chunks(text, [(run[0][0], run[-1][1]) for run in runs])


def recursive(tokenizer: Any, size: int, overlap: int, text: str) -> list[Chunk]:
    """At the best separator; what is longer than `size` tokens at the next one; neighbours joined while they fit."""
    starts = [start for start, _ in tokenizer.encode(text, add_special_tokens=False).offsets]

    def tokens(span: Span) -> int:
        return bisect_left(starts, span[1]) - bisect_left(starts, span[0])

    return _chunks(text, list(_recursive(text, (0, len(text)), SEPARATORS, size, overlap, tokens)))


def _recursive(
    text: str, span: Span, separators: Sequence[str], size: int, overlap: int, tokens: Callable[[Span], int]
) -> Iterator[Span]:
    waiting: list[Span] = []
    for piece in _cut(text, span, separators[0]):
        if tokens(piece) <= size or len(separators) == 1:
            waiting.append(piece)
            continue
        yield from _joined(waiting, size, overlap, tokens)
        waiting = []
        yield from _recursive(text, piece, separators[1:], size, overlap, tokens)
    yield from _joined(waiting, size, overlap, tokens)


def _cut(text: str, span: Span, separator: str) -> Iterator[Span]:
    """The pieces between separators; each but the first begins with its own."""
    at = span[0]
    for found in re.compile(re.escape(separator)).finditer(text, *span):
        if found.start() > at:
            yield at, found.start()
            at = found.start()
    yield at, span[1]


def _joined(pieces: Sequence[Span], size: int, overlap: int, tokens: Callable[[Span], int]) -> Iterator[Span]:
    """Runs of neighbours that fit; each begins with as many of the last ones before it as `overlap` has room for."""
    run: list[Span] = []
    for piece in pieces:
        if run and tokens((run[0][0], piece[1])) > size:
            yield run[0][0], run[-1][1]
            while run and (tokens((run[0][0], run[-1][1])) > overlap or tokens((run[0][0], piece[1])) > size):
                run.pop(0)
        run.append(piece)
    if run:
        yield run[0][0], run[-1][1]


def _chunks(text: str, spans: Sequence[Span]) -> list[Chunk]:
    return [Chunk(start, end, text[start:end], "") for start, end in spans if text[start:end].strip()]

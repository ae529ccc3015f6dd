"""Turns the bytes of a file into text. Pure."""

import codecs
import re
from typing import NamedTuple

#: Longer marks first: that of UTF-16 begins that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: What a guess may come to: without a list, a few words in Latin-1 are taken for the code pages of mainframes.
_GUESSES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r"),
    *("iso8859_2", "iso8859_15", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
)
#: Of encodings that fit equally well, the one that most files have.
_USUAL = "cp1252"
#: Bytes, of whole lines around the first one that is not ASCII, from which an encoding is guessed.
_SAMPLE = 2**16

_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]{0,200}?\b(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE
)
#: Bytes at the start of a page in which it may say its encoding; the standard says 1024.
_DECLARED_WITHIN = 4096


class Decoded(NamedTuple):
    """A text, and the encoding it was in as Python names it."""

    text: str
    encoding: str


def decode(data: bytes, *, declared: str = "") -> Decoded:
    """The text, without its byte order mark: by that mark, as UTF-8, as declared, or as best guessed.

    Raises: ValueError, saying why there is none.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _full(_strictly(data[len(mark) :], encoding), encoding)
    if b"\0" in data:
        raise ValueError("not text: it holds NUL bytes")
    try:
        return _full(data.decode(), "utf-8")
    except UnicodeDecodeError as error:
        encoding = _known(declared, data) or _guess(data, error.start)
        return _full(_strictly(data, encoding), encoding)


def decode_utf8(data: bytes) -> str:
    """The text, without its byte order mark. Raises ValueError, saying why there is none."""
    if b"\0" in data:
        raise ValueError("not text: it holds NUL bytes")
    return _full(_strictly(data.removeprefix(codecs.BOM_UTF8), "utf-8"), "utf-8").text


def declared_in(page: bytes) -> str:
    """The encoding that an HTML or XML page says it is in; empty where it says none."""
    found = _DECLARED.search(page[:_DECLARED_WITHIN])
    return found[1].decode("ascii", "replace") if found else ""


def _full(text: str, encoding: str) -> Decoded:
    if not text.strip():
        raise ValueError("empty")
    return Decoded(text, encoding)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"not {encoding.upper()} at byte {error.start}") from error


def _known(name: str, data: bytes) -> str:
    """Python's name of a declared encoding that fits; empty where it is unknown, wrong, or no encoding of text."""
    try:
        found = codecs.lookup("cp1252" if name.lower() in ("latin-1", "latin1", "iso-8859-1") else name)
        data.decode(found.name)
    except (LookupError, ValueError):
        return ""
    return found.name


def _guess(data: bytes, at: int) -> str:
    from charset_normalizer import from_bytes

    start = data.rfind(b"\n", 0, max(0, at - _SAMPLE // 2)) + 1 if at > _SAMPLE else 0
    end = data.rfind(b"\n", at, start + _SAMPLE)
    sample = data[start : end + 1] if end > 0 and len(data) > start + _SAMPLE else data[start : start + _SAMPLE]
    replaced = sample.decode(errors="replace")
    wrong = replaced.count("\ufffd")
    if sum(character > "\x7f" for character in replaced) > 2 * wrong:
        # Guessing would turn each letter that is right into two that are wrong.
        raise ValueError(f"not UTF-8 at byte {at}, though most of it is; save it as UTF-8")
    matches = list(from_bytes(sample, cp_isolation=list(_GUESSES)))
    if not matches:
        raise ValueError("not text in any encoding that could be guessed; save it as UTF-8")
    best = (matches[0].chaos, matches[0].coherence)
    equal = [match for match in matches if (match.chaos, match.coherence) == best]
    usual = any(_USUAL in match.could_be_from_charset for match in equal)
    return _USUAL if usual else matches[0].encoding

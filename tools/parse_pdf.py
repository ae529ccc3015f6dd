"""The text of a PDF, its pages joined by form feeds. Runs in the child process."""

import logging
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError

from ..orchestrator.text import has_words
from .child import Limits, Parsed, Unparsed

_FIELDS = ("title", "author", "subject", "keywords", "creator", "producer")
_DATES = {"created": "creation_date", "modified": "modification_date"}

#: Bytes within which a PDF says that it is one; junk before it is common.
_MARK_WITHIN = 1024


def parse(data: bytes, limits: Limits) -> Parsed:
    """The pages' text: page = 1 + form feeds before it. Raises Unparsed, and whatever pypdf does for damage."""
    logging.disable()
    if b"%PDF-" not in data[:_MARK_WITHIN]:
        raise Unparsed("not a PDF")
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted:
        _unlock(reader)
    pages, left = [], limits.characters
    for page in reader.pages:
        # A form feed within a page would be counted as the end of it.
        pages.append(page.extract_text().replace("\f", "\n"))
        left -= len(pages[-1]) + 1
        if left < 0:
            raise Unparsed(f"its text has more than {limits.characters} characters; split it")
    text = "\f".join(pages)
    if not has_words(text):
        count = f"{len(pages)} page{'s' * (len(pages) != 1)}"
        raise Unparsed(f"no text on its {count}: scanned? run OCR first" if pages else "it has no pages")
    metadata = {**_information(reader), "pages": len(pages)}
    return Parsed(text, str(metadata.get("title", "")), metadata)


def _unlock(reader: PdfReader) -> None:
    """With the empty password, as for a document that only restricts printing."""
    try:
        unlocked = reader.decrypt("")
    except (DependencyError, NotImplementedError) as error:
        raise Unparsed(f"encrypted in a way that cannot be read: {error}") from error
    if unlocked == PasswordType.NOT_DECRYPTED:
        raise Unparsed("encrypted: it opens with a password only; save it without one")


def _information(reader: PdfReader) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # Damaged information is no reason to leave the text.
    with suppress(Exception):
        information = reader.metadata
        for name in _FIELDS:
            found[name] = getattr(information, name, None)
        for name, source in _DATES.items():
            with suppress(ValueError):
                value = getattr(information, source, None)
                found[name] = value.isoformat() if isinstance(value, datetime) else None
    return {name: value for name, value in found.items() if isinstance(value, str)}

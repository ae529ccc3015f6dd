"""How much is read for a question, and how its report is written: what may be set for each job. Pure.

The effort decides what nobody has set by itself: how many tokens and documents are read, in how many rounds.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from .evidence import Value

#: How thorough a job is.
Thoroughness = Literal["quick", "normal", "deep"]
#: What is told to a writer as it stands: a few words on one line, since a folder's file may have been received.
WORDS = r"^(?:[^\W_][\w .,'’()/+-]{0,59})?$"
Words = Annotated[str, Field(pattern=WORDS)]
#: How much an effort reads.
EFFORTS: Mapping[str, Mapping[str, int]] = {
    "quick": {
        "read_tokens_most": 40_000,
        "document_tokens_most": 8_000,
        "whole_documents_most": 4,
        "outline_documents_most": 10,
        "rounds_most": 1,
    },
    "normal": {},
    "deep": {
        "read_tokens_most": 400_000,
        "whole_documents_most": 24,
        "outline_documents_most": 120,
        "rounds_most": 4,
    },
}


class Limits(Value):
    """How much is read for a question, and how its report is written."""

    effort: Thoroughness = "normal"
    #: How long the report is to be, and in which language, in words for its writer; "" is as the question asks for.
    length: Words = ""
    language: Words = ""
    #: The tokens of documents that a job reads, and of one document that are read at once.
    read_tokens_most: Annotated[int, Field(ge=1_000, le=100_000_000)] = 120_000
    document_tokens_most: Annotated[int, Field(ge=500, le=1_000_000)] = 15_000
    #: The documents that are read whole, small ones uncounted, and those of which an outline is read.
    whole_documents_most: Annotated[int, Field(ge=1, le=10_000)] = 8
    outline_documents_most: Annotated[int, Field(ge=0, le=10_000)] = 40
    rounds_most: Annotated[int, Field(ge=1, le=8)] = 2

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Limits":
        """What was said, and the rest as its effort has it. Raises ValidationError for what may not be."""
        return cls(**{**EFFORTS.get(str(said.get("effort", "")), {}), **said})

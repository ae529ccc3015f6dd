"""What each ending of a file name means: read as text, by the line, by a parser in a child process, or not at all."""

#: A document each, read as it stands.
TEXT = (".md", ".rst", ".txt")
#: A document a line.
LINES = (".jsonl", ".jsonl.gz")
#: A document each, parsed by a library in a child process.
PARSED = (".html", ".htm", ".pdf", ".docx")

ENDINGS = (*TEXT, *PARSED, *LINES)
#: Endings of documents that people expect to be read, so that leaving them out is said aloud.
UNREAD = (".doc", ".odt", ".rtf", ".epub")

#: Bytes of a file on disk.
FILE_MAX = 64 * 2**20
#: Bytes a packed file may unpack to: a small file can claim terabytes.
UNPACKED_MAX = 512 * 2**20


def ending_of(name: str) -> str:
    """The ending that decides how a file is read; empty where nothing is known about it."""
    lower = name.lower()
    return next((ending for ending in (*ENDINGS, *UNREAD) if lower.endswith(ending)), "")

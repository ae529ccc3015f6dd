"""The main text of a page as Markdown, without navigation, banners and footers. Runs in the child process."""

from typing import Any

from trafilatura import extract
from trafilatura.meta import reset_caches
from trafilatura.metadata import extract_metadata
from trafilatura.utils import load_html

from ..orchestrator.text import has_words
from .child import Limits, Parsed, Unparsed
from .encoding import declared_in, decode

#: What a page says in its head that a question may be about.
_FIELDS = ("title", "author", "date", "description", "sitename", "url", "language", "license")
#: Dates as the page has them: nothing is searched for in its text, and no date is ruled out by today's.
_DATES = {"original_date": True, "extensive_search": False, "max_date": "2999-12-31"}
#: Characters of a page from which on the quickest of the library's ways is taken.
_LARGE = 2_000_000


def parse(data: bytes, limits: Limits) -> Parsed:
    """The page's text; its title, author and date. Raises Unparsed."""
    try:
        page, encoding = decode(data, declared=declared_in(data))
    except ValueError as error:
        raise Unparsed(str(error)) from error
    tree = load_html(page)
    if tree is None:
        raise Unparsed("not HTML")
    found = extract_metadata(tree, date_config=_DATES)
    text = _markdown(tree, fast=len(page) > _LARGE)
    if len(page) > _LARGE:  # its lines would stay in the library's caches; after every page that would cost more
        reset_caches()
    if not has_words(text):
        raise Unparsed("no text in it: a page made by scripts? save what the browser shows")
    metadata: dict[str, Any] = {name: getattr(found, name, None) for name in _FIELDS}
    if encoding != "utf-8":
        metadata["encoding"] = encoding
    return Parsed(text, found.title or "", metadata)


def _markdown(tree: Any, *, fast: bool) -> str:
    text = extract(
        tree,
        output_format="markdown",
        fast=fast,
        include_comments=False,
        include_formatting=True,
        include_tables=True,
        deduplicate=False,
    )
    return text or ""

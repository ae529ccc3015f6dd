"""What a text says about itself: fields as data, the text as it was, and never an error."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Document
from bullpen.tools import read_corpus
from bullpen.tools.front_matter import NONE, front_matter

PEP = """PEP: 440
Title: Version Identification
Author: Alyssa Coghlan <a@example.invalid>,
        Donald Stufft <d@example.invalid>
Post-History: 30-Mar-2013,
 27-May-2013
Replaces:

Abstract
========
"""
ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2021-0001"
package = "mdbook"
date = 2021-01-04
keywords = ["xss"]

[versions]
patched = [">= 0.4.5"]

[affected]
id = "taken"
functions = { "mdbook::render" = ["< 0.4.5"] }
```

# XSS in mdBook
"""
YAML = """---
title: "The pilot"
Last-Modified: 2024-03-05
at: 2024-03-05 10:00:00
version: 1.10
price: 1.5
riders: 310
time: 12:30
ends: no
draft: false
tags: [bus, night]
nested: {a: {b: null}}
---
# Heading
"""


@pytest.mark.parametrize(
    ("text", "fields", "after"),
    [
        (
            PEP,
            {
                "pep": "440",
                "title": "Version Identification",
                "author": "Alyssa Coghlan <a@example.invalid>, Donald Stufft <d@example.invalid>",
                "post_history": "30-Mar-2013, 27-May-2013",
                "replaces": "",
            },
            "Abstract",
        ),
        (
            ADVISORY,
            {
                "id": "RUSTSEC-2021-0001",
                "package": "mdbook",
                "date": "2021-01-04",
                "keywords": ["xss"],
                "patched": [">= 0.4.5"],
                "affected_id": "taken",
                "functions": {"mdbook::render": ["< 0.4.5"]},
            },
            "\n# XSS",
        ),
        (
            YAML,
            {
                "title": "The pilot",
                "last_modified": "2024-03-05",
                "at": "2024-03-05T10:00:00",
                "version": "1.10",
                "price": 1.5,
                "riders": 310,
                "time": "12:30",
                "ends": "no",
                "draft": False,
                "tags": ["bus", "night"],
                "nested": {"a": {"b": None}},
            },
            "# Heading",
        ),
        ('+++\ntitle = "x"\n[more]\nat = 10:00:00\n+++\nwords', {"title": "x", "more": {"at": "10:00:00"}}, "words"),
        ("---\r\na: 1\r\n...\r\nwords", {"a": 1}, "words"),
        ("A: 1\nA: 2\nb-c: 3", {"a": "1, 2", "b_c": "3"}, ""),
    ],
)
def test_fields_are_data_and_the_text_begins_behind_them(text: str, fields: dict[str, Any], after: str) -> None:
    found = front_matter(text)

    assert found.fields == fields
    assert text[found.end :].startswith(after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "words\n",
        "\n---\na: 1\n---\n",
        "---\na: 1\n",
        "---\njust words\n---\n",
        "---\na: [1\n---\n",
        "---\na: 2024-13-45\n---\n",
        "---\na: !!int words\n---\n",
        "---\na: !!bool words\n---\n",
        "---\na: !!python/object/apply:os.system [ls]\n---\n",
        "---\n? [a]\n: 1\n---\n",
        "---\na: &x [1]\nb: [*x, *x]\n---\n",
        f"---\n{'[' * 5_000}\n---\n",
        f"---\na: {'[' * 50}{']' * 50}\n---\n",
        "+++\na = \n+++\n",
        "```toml\na = 1\n",
        "```toml\na = 1\na = 2\n```\n",
        "Name: only one\n\nwords",
        "Note: this\nis prose\n\n",
        "http://example.invalid\nhttps://example.invalid\n\n",
        "  Name: indented\nOther: x\n\n",
        f"a: b\n{'a: b' * 20_000}\n\n",
    ],
)
def test_what_is_broken_or_something_else_is_just_text(text: str) -> None:
    assert front_matter(text) == NONE


def test_only_markdown_has_blocks() -> None:
    assert front_matter("---\na: 1\n---\n", blocks=False) == NONE
    assert front_matter("A: 1\nB: 2\n\n", blocks=False).fields == {"a": "1", "b": "2"}


@settings(deadline=None)  # the first call imports the library
@given(
    st.sampled_from(["---\n", "+++\n", "```toml\n", ""]),
    st.text(st.sampled_from("ab:=-+`#[]{}&*!|>?\"'\\ \t\n\r.\x000é\ud800"), max_size=60),
    st.sampled_from(["\n---\n", "\n+++\n", "\n```\n", "\n\n", ""]),
)
@example("---\n", "a: !!timestamp x", "\n---\n")
def test_front_matter_never_raises_and_is_plain(start: str, middle: str, end: str) -> None:
    text = start + middle + end
    found = front_matter(text)

    assert 0 <= found.end <= len(text)
    assert json.loads(json.dumps(found.fields, allow_nan=False)) == found.fields
    assert all(name == name.lower() and "-" not in name for name in found.fields)


@pytest.mark.anyio
async def test_a_document_keeps_its_front_matter_as_text_and_as_metadata(tmp_path: Path) -> None:
    files = {"a.md": YAML, "b.rst": PEP, "c.md": ADVISORY, "d.txt": "A: 1\nB: 2\n\nThe first line\n", "e.rst": YAML}
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    documents = [item async for item in read_corpus([tmp_path]) if isinstance(item, Document)]
    assert {document.id: document.text for document in documents} == files
    titles = [document.title for document in documents]
    assert titles[:4] == ["The pilot", "Version Identification", "XSS in mdBook", "The first line"]
    assert [bool(document.metadata) for document in documents] == [True, True, True, True, False]

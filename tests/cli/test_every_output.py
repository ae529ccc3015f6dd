"""Every byte that commands write, from documents, names, metadata and questions that are hostile in sixty ways."""

import json
import re
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from bullpen.orchestrator.cli.app import main

KEY = "qk-Zx81/Lm+04vTn77"
PAYLOADS = (
    *("\x1b[2J", "\x1b]0;owned\x07", "\x1b]8;;http://evil.invalid\x1b\\x\x1b]8;;\x1b\\", "\x9b31m", "\u202eesrever"),
    *("\u2066x\u2069", "a\rb", "\x08\x08", "\U000e0041", "![p](http://evil.invalid/?a)", "<img src=x onerror=a>"),
    *("<script>a</script>", "[x](javascript:a)", KEY, b64encode(b"Bearer " + KEY.encode()).decode()),
)
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\U000e0000-\U000e007f]")
COMMANDS = (
    *(
        "jobs",
        "jobs --json",
        "show latest",
        "show latest --json",
        "show latest --events",
        "show latest --task search-1",
    ),
    *("tail latest", "tail latest --json", "verify latest", "verify latest --sources --json"),
    *("diff latest latest", "ps", "runs verify", "runs verify --json", "runs export latest --to e.json --as events"),
    *("memory stats", "memory search bridge", "memory search bridge --json", "memory why bridge", "memory export"),
    *("memory export --out m.jsonl", "memory recall", "show nobody", "research", "jobs --bogus"),
)


@pytest.fixture
def bullpen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., str]:
    """Runs a command in a folder with a hostile corpus; all that it wrote."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_BASE_URL", "OLLAMA_HOST", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HELD_API_KEY", KEY)
    monkeypatch.setenv("BULLPEN_EMBEDDER", "hashed")
    Path("docs").mkdir()
    for n, payload in enumerate(PAYLOADS):
        name = f"{n} {payload}.md".replace("/", "_").replace("\0", "")
        head = f"---\nstatus: {json.dumps(payload)}\n---\n"
        Path("docs", name).write_text(
            f"{head}# Bridge {payload}\n\nThe harbour bridge cost {n} million {payload} crowns in 2020.\n",
            encoding="utf-8",
        )

    def run(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bullpen", *args])
        with pytest.raises(SystemExit):
            main()
        return b"".join(capfdbinary.readouterr()).decode()

    return run


def steers(written: str) -> list[str]:
    return [ascii(found) for found in (*STEERS.findall(written), *re.findall(re.escape(KEY), written))]


def test_nothing_that_is_written_steers_a_terminal_or_tells_a_key(bullpen: Callable[..., str]) -> None:
    question = f"What did the harbour bridge cost {' '.join(PAYLOADS)}?"
    written = {
        f"research {n}": bullpen("research", question, "--corpus", "docs", *more)
        for n, more in enumerate((["--out", "r.md"], ["--json", "--new", "--out", "r.json"]))
    }
    written |= {command: bullpen(*command.split()) for command in COMMANDS}
    written |= {payload: bullpen("show", payload) for payload in PAYLOADS if not payload.startswith("-")}
    written |= {name: Path(name).read_text(encoding="utf-8") for name in ("r.md", "r.json", "e.json", "m.jsonl")}

    assert {name: steers(text) for name, text in written.items() if steers(text)} == {}
    assert all("harbour bridge cost" in written[name] for name in ("r.md", "r.json", "e.json", "show latest --json"))
    page = MarkdownIt("commonmark").enable("table").render(written["r.md"])
    assert not re.search("<img|<script|<a |javascript:", page)

"""Files made to do harm, or too large, or not there: each has a reason, the others are read, the process lives."""

import os
import resource
import sys
import time
from pathlib import Path

import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document, Unreadable
from bullpen.tools import corpus, read_corpus, reading
from bullpen.tools.child import Limits
from bullpen.tools.finding import Found

from . import making

pytestmark = pytest.mark.anyio


async def read(*paths: Path) -> tuple[dict[str, Document], dict[str, str]]:
    """The documents by id, and the reasons by the name of the file."""
    items = [item async for item in read_corpus(paths)]
    documents = {item.id: item for item in items if isinstance(item, Document)}
    return documents, {Path(item.uri).name: item.reason for item in items if isinstance(item, Unreadable)}


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)


async def test_files_that_unpack_to_more_than_a_gigabyte_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "LIMITS", Limits(seconds=20.0))
    (tmp_path / "a.pdf").write_bytes(making.pdf_bomb(1_100))
    (tmp_path / "b.pdf").write_bytes(making.pdf_bomb(1_100, filters=2))
    (tmp_path / "c.docx").write_bytes(making.zip_bomb(1_100))
    (tmp_path / "d.pdf").write_bytes(making.pdf_that_goes_round())
    (tmp_path / "e.docx").write_bytes(making.word())
    before_mb = peak_mb()

    documents, gaps = await read(tmp_path)
    assert list(documents) == ["e.docx"]
    for name in ("a.pdf", "b.pdf"):
        assert gaps[name].startswith("damaged: Limit reached while decompressing")
    assert gaps["c.docx"].startswith("it unpacks to 11")
    assert gaps["d.pdf"] in ("it has no pages", "nested too deep") or gaps["d.pdf"].startswith("damaged: ")
    assert peak_mb() - before_mb < 200


async def test_a_page_that_is_unpacked_again_and_again_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "LIMITS", Limits(seconds=30.0))
    (tmp_path / "a.pdf").write_bytes(making.pdf_of_one_stream_many_times(50, 1_000))
    (tmp_path / "b.docx").write_bytes(making.word())

    documents, gaps = await read(tmp_path)
    assert list(documents) == ["b.docx"]
    assert gaps["a.pdf"].startswith("damaged: Array-based stream has at least ")


async def test_a_text_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The river rose again.\n" * (50_000_000 // 22))

    documents, gaps = await read(tmp_path)
    assert gaps == {}
    assert len(documents["a.txt"].text) > 49_000_000


async def test_links_are_followed_only_to_files_within_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "given-too").mkdir()
    (tmp_path / "given-too" / "secret.md").write_text("secret")
    (folder / "good.md").write_text("good")
    (folder / "deep" / "in.md").symlink_to(folder / "good.md")
    (folder / "out.md").symlink_to(tmp_path / "given-too" / "secret.md")
    (folder / "chain.md").symlink_to(folder / "out.md")
    (folder / "up.md").symlink_to("deep/../../given-too/secret.md")
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "self.md").symlink_to(folder / "self.md")
    (folder / "one.md").symlink_to(folder / "two.md")
    (folder / "two.md").symlink_to(folder / "one.md")
    (folder / "deep" / "round").symlink_to(folder)

    documents, gaps = await read(folder)
    assert set(documents) == {"good.md", "deep/in.md"}
    outside, nowhere = (
        "a link that leads outside the folder; name what it leads to, to have it read",
        "a link that leads nowhere",
    )
    assert gaps == {
        **dict.fromkeys(("out.md", "chain.md", "up.md", "zero.txt"), outside),
        **dict.fromkeys(("self.md", "one.md", "two.md"), nowhere),
    }


async def test_a_link_that_is_given_is_followed_and_one_that_goes_round_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.md").write_text("words")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "link.md").symlink_to(tmp_path / "folder" / "a.md")
    (tmp_path / "round.md").symlink_to(tmp_path / "round.md")

    documents, gaps = await read(tmp_path / "link", tmp_path / "link.md")
    assert (list(documents), gaps) == (["a.md", "link.md"], {})
    with pytest.raises(BadInput, match="does not exist"):
        await read(tmp_path / "round.md")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socket"])
def test_what_took_the_place_of_a_file_is_named_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.md"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/zero")
        case "folder":
            path.mkdir()
        case "socket":
            import socket

            listening = socket.socket(socket.AF_UNIX)
            listening.bind(str(path))
            listening.close()
    began_s = time.monotonic()

    [gap] = reading.read(Found(path, "a.md"))
    assert isinstance(gap, Unreadable)
    assert gap.reason == "not a regular file"
    assert time.monotonic() - began_s < 10


def test_a_pipe_that_takes_the_place_of_a_file_at_the_last_moment_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.md"
    path.write_text("words")
    opened = os.open

    def swapped(*args: object, **more: object) -> int:
        path.unlink()
        os.mkfifo(path)
        return opened(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", swapped)
    [gap] = reading.read(Found(path, "a.md"))
    assert gap == Unreadable(uri=str(path), reason="not a regular file")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems keep no such names")
async def test_names_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    for name in (b"\xff.md", b"\xfe.md", b"a\n\x1b[31m.md"):
        (tmp_path / os.fsdecode(name)).write_text("words")

    documents, gaps = await read(tmp_path)
    assert set(documents) == {"\\xff.md", "\\xfe.md", "a\n\x1b[31m.md"}
    assert gaps == {}
    assert documents["\\xff.md"].uri == f"{tmp_path}/\\xff.md"

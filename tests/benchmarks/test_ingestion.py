"""The documents that ingestion is measured on: the same each time, none like another."""

from collections import Counter
from pathlib import Path

from bullpen.benchmarks.ingestion.corpora import made_up, write_made_up, write_pages


def test_made_up_documents_are_the_same_each_time_and_differ_from_each_other() -> None:
    texts = list(made_up(20))

    assert texts == list(made_up(20))
    assert len(set(texts)) == 20
    assert all(text.startswith("# ") and 3_000 < len(text) < 7_000 for text in texts)


def test_a_few_words_are_frequent_and_most_are_rare() -> None:
    words = " ".join(made_up(50)).split()
    counts = sorted(Counter(words).values(), reverse=True)

    assert counts[0] > len(words) / 30
    assert counts[len(counts) // 2] <= 3


def test_they_are_written_as_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_made_up(tmp_path / "a", 101)
    write_pages(tmp_path / "b", 2)

    assert [path.name for path in sorted((tmp_path / "a").iterdir())] == ["000", "001"]
    page = (tmp_path / "b" / "00001.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 3
    assert page.count("<p>") == 12

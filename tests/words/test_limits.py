"""What may be set of each job's reading and report: where it is said, what it comes to, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.limits import EFFORTS, Limits
from bullpen.orchestrator.order import Order
from bullpen.orchestrator.settings import load_settings


def test_more_effort_never_reads_less() -> None:
    quick, normal, deep = (Limits.of({"effort": effort}) for effort in EFFORTS)
    for name in set().union(*EFFORTS.values()):
        assert getattr(quick, name) <= getattr(normal, name) <= getattr(deep, name), name
        assert getattr(quick, name) < getattr(deep, name), name


def test_what_is_said_by_name_goes_before_the_effort() -> None:
    limits = Limits.of({"effort": "deep", "rounds_most": 3})

    assert (limits.rounds_most, limits.read_tokens_most) == (3, EFFORTS["deep"]["read_tokens_most"])


def test_the_file_the_environment_and_the_caller_say_it_each_before_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bullpen.toml").write_text('effort = "deep"\nlength = "short"\nread_tokens_most = 5000\n')
    monkeypatch.setenv("BULLPEN_LENGTH", "two pages")
    settings = load_settings(language="Brazilian Portuguese")

    assert settings.limits_set == {
        "effort": "deep",
        "length": "two pages",
        "language": "Brazilian Portuguese",
        "read_tokens_most": 5000,
    }


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("effort", "huge", "'quick', 'normal' or 'deep'"),
        ("length", "short\nand obey", "a few words on one line, at most 60 characters"),
        ("length", "<system>", "a few words on one line"),
        ("language", "x" * 61, "at most 60 characters"),
        ("read_tokens_most", 10, "greater than or equal to 1000"),
        ("document_tokens_most", 10, "greater than or equal to 500"),
        ("whole_documents_most", 0, "greater than or equal to 1"),
        ("outline_documents_most", -1, "greater than or equal to 0"),
        ("rounds_most", 9, "less than or equal to 8"),
    ],
)
def test_what_may_not_be_said_is_named_with_its_value_and_its_bound(name: str, value: Any, bound: str) -> None:
    for say in (lambda: load_settings(**{name: value}), lambda: Order("What?", said={name: value})):
        with pytest.raises(BadInput) as caught:
            say()
        assert f"{name} = {value!r}: " in str(caught.value)
        assert bound in str(caught.value)
        assert "\n" not in str(caught.value)


def test_words_of_any_script_may_be_said() -> None:
    for word in ("Deutsch", "português (Brasil)", "日本語", "about 1,000 words", "l’italien"):
        assert Limits.of({"language": word}).language == word

"""The door to files: whatever stands under a name, nothing but a regular file is opened, and nothing behind a link is
touched."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bullpen.orchestrator import regular_files as door
from bullpen.orchestrator.errors import BadInput

from .odd import ODD, Outside

NAME = "name.run"


def _write(path: Path) -> None:
    door.write_regular(path, b"new")


def _replace(path: Path) -> None:
    with door.replacing(path, path.with_suffix(".new")) as file:
        file.write(b"new")


def _append(path: Path) -> None:
    os.close(door.open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT))


WAYS: list[Callable[[Path], object]] = [door.open_regular, door.read_regular, _append, _write, _replace]


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_regular_file_is_named_and_left_alone(
    tmp_path: Path, odd: str, way: Callable[[Path], object]
) -> None:
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / NAME)
    before = os.lstat(tmp_path / NAME)

    with pytest.raises(BadInput, match=rf"^'\S+{NAME}' is a \w+ where only a regular file is opened.*move it away$"):
        way(tmp_path / NAME)

    assert os.lstat(tmp_path / NAME) == before
    assert outside.is_untouched()
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "outside"}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_what_is_made_is_private_under_any_umask_and_the_umask_stays(tmp_path: Path, mask: int) -> None:
    with _umask(mask):
        door.make_folder(tmp_path / "a" / "b")
        _append(tmp_path / "a" / "b" / "made")
        _replace(tmp_path / "a" / "b" / "replaced")
        assert os.umask(mask) == mask

    found = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in (tmp_path / "a").rglob("*")}
    assert found == {"b": 0o700, "made": 0o600, "replaced": 0o600}
    assert stat.S_IMODE((tmp_path / "a").lstat().st_mode) == 0o700


def test_what_others_could_read_is_made_private_when_it_is_opened_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"kept")
    path.chmod(0o664)

    os.close(door.open_regular(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    _append(path)

    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"kept")


def test_a_file_that_people_have_named_is_as_the_umask_says(tmp_path: Path) -> None:
    with _umask(0o027):
        _write(tmp_path / NAME)

    assert (stat.S_IMODE((tmp_path / NAME).stat().st_mode), (tmp_path / NAME).read_bytes()) == (0o640, b"new")


def test_a_file_whose_making_failed_leaves_nothing_and_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"kept")

    with pytest.raises(ZeroDivisionError), door.replacing(path, path.with_suffix(".new")) as file:
        file.write(b"half")
        raise ZeroDivisionError

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(NAME, b"kept")]


@pytest.mark.parametrize("odd", ODD)
def test_what_stands_where_a_file_is_being_made_is_named_and_left_alone(tmp_path: Path, odd: str) -> None:
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / "name.new")

    with pytest.raises(BadInput, match=r"name\.new' is a \w+ where only a regular file is opened"):
        _replace(tmp_path / NAME)

    assert not (tmp_path / NAME).exists()
    assert outside.is_untouched()


def test_files_are_listed_in_order_and_odd_names_told_apart(tmp_path: Path) -> None:
    for name in ("b.run", "a.run", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    outside = Outside(tmp_path)
    for n, odd in enumerate(ODD):
        outside.stand_in(odd, tmp_path / f"{n}.run")

    assert [path.name for path in door.list_regular(tmp_path, ".run")] == ["a.run", "b.run"]
    told = door.list_odd(tmp_path, ".run")
    assert [line.partition(" is a")[0] for line in told] == [repr(str(tmp_path / f"{n}.run")) for n in range(len(ODD))]
    assert not door.list_regular(tmp_path / "nowhere", ".run")
    assert not door.list_odd(tmp_path / "nowhere", ".run")


@pytest.mark.parametrize("part", ["", "runs"])
def test_a_folder_is_not_reached_through_a_link_in_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "elsewhere" / "runs").mkdir(parents=True)
    (tmp_path / "elsewhere" / "runs" / "a.run").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "work")
    if part:
        Path(".bullpen").mkdir()
    Path(".bullpen", part).symlink_to(tmp_path / "elsewhere" / part)

    for way in (door.check_folder, door.make_folder, lambda folder: door.list_regular(folder, ".run")):
        with pytest.raises(BadInput, match=r"^folder '\.bullpen\S*' is a link to '\S+' and is not followed; name"):
            way(Path(".bullpen", "runs"))


def test_a_place_that_somebody_named_by_its_absolute_path_may_lead_through_links(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "disk")

    door.make_folder(tmp_path / "linked" / "runs")
    assert (tmp_path / "disk" / "runs").is_dir()
    with pytest.raises(BadInput, match="is a link to"):
        door.make_folder(tmp_path / "linked")


def test_a_file_in_a_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"")

    with pytest.raises(BadInput, match=r"is a file and no folder; move it away$"):
        door.make_folder(tmp_path / "runs")
    with pytest.raises(NotADirectoryError):
        door.make_folder(tmp_path / "runs" / "more")


def test_all_in_a_folder_is_made_private_and_nothing_behind_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"")
    outside.chmod(0o644)
    (tmp_path / "store" / "part").mkdir(parents=True)
    (tmp_path / "store" / "part" / "data").write_bytes(b"")
    (tmp_path / "store" / "link").symlink_to(outside)

    door.make_private(tmp_path / "store")

    wide = [path for path in (tmp_path / "store").rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert wide == []
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@pytest.mark.parametrize("odd", ["absent", *ODD])
def test_whatever_stands_there_is_removed_and_nothing_behind_it(tmp_path: Path, odd: str) -> None:
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / NAME)

    door.remove_all(tmp_path / NAME)

    assert not os.path.lexists(tmp_path / NAME)
    assert outside.is_untouched()

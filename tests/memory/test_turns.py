"""Whoever waits goes before the work behind."""

from threading import Event, Thread

import pytest

from bullpen.memory.turns import Turns


def test_who_waits_goes_before_the_work_behind() -> None:
    turns, order, is_held, may_end = Turns(), list[str](), Event(), Event()

    def hold() -> None:
        with turns.first():
            is_held.set()
            may_end.wait(10)

    def behind() -> None:
        with turns.behind():
            order.append("behind")

    def first() -> None:
        with turns.first():
            order.append("first")

    threads = [Thread(target=hold), Thread(target=behind), Thread(target=first)]
    threads[0].start()
    assert is_held.wait(10)
    threads[1].start()
    threads[2].start()
    while turns.waiting < 1:
        pass
    may_end.set()
    for thread in threads:
        thread.join(10)

    assert order == ["first", "behind"]


def test_a_turn_ends_with_an_error() -> None:
    turns = Turns()
    with pytest.raises(LookupError), turns.first():
        raise LookupError
    with turns.behind():
        pass

import threading
from collections.abc import Callable

import pytest

from cebox.kit.crew import Crew, Stopped

Work = Callable[[Crew], None]


class Broken(Exception):
    """Somebody's own error."""


def watch_nothing() -> None:
    """Nothing ever stops."""


def wait_for_all(crew: Crew) -> None:
    crew.wait_for_all()


def wait_for_ever(crew: Crew) -> None:
    with crew.change_when(lambda: False):
        pass


def break_down(crew: Crew) -> None:
    raise Broken


def run_crew(
    *members: Work, caller: Work = wait_for_all, watch: Callable[[], None] = watch_nothing, crew: Crew | None = None
) -> None:
    with crew or Crew(watch) as running:
        for number, member in enumerate(members):
            running.start(f"member {number}", lambda member=member: member(running))  # type: ignore[misc] # bound now
        caller(running)


def test_members_wait_for_one_another() -> None:
    order: list[int] = []

    def wait_for_turn(turn: int) -> Work:
        def work(crew: Crew) -> None:
            with crew.change_when(lambda: len(order) == turn):
                order.append(turn)

        return work

    run_crew(*(wait_for_turn(turn) for turn in reversed(range(5))), caller=lambda crew: wait_for_five(crew, order))

    assert order == [0, 1, 2, 3, 4]


def wait_for_five(crew: Crew, order: list[int]) -> None:
    crew.wait_here(lambda: len(order) == 5)


def test_the_first_error_stops_those_who_wait_and_reaches_the_caller() -> None:
    before = threading.active_count()
    with pytest.raises(Broken):
        run_crew(wait_for_ever, wait_for_ever, break_down)

    assert threading.active_count() == before


def test_an_error_is_not_lost_when_the_caller_has_nothing_left_to_do() -> None:
    with pytest.raises(Broken):
        run_crew(break_down, caller=lambda crew: None)


def test_an_error_of_the_caller_stops_the_members() -> None:
    before = threading.active_count()
    with pytest.raises(Broken):
        run_crew(wait_for_ever, caller=break_down)

    assert threading.active_count() == before


def test_a_watch_that_raises_stops_everything_and_is_asked_in_the_callers_thread_alone() -> None:
    askers: list[str] = []

    def watch() -> None:
        askers.append(threading.current_thread().name)
        if len(askers) == 2:
            raise Broken

    with pytest.raises(Broken):
        run_crew(wait_for_ever, watch=watch)

    assert set(askers) == {threading.current_thread().name}


def test_a_member_in_long_work_notices_between_two_steps() -> None:
    def work(crew: Crew) -> None:
        while True:
            crew.verify_going()

    with pytest.raises(Broken):
        run_crew(work, break_down)


def test_the_caller_hears_of_a_members_error_and_of_its_own_watch_between_two_steps() -> None:
    def work(crew: Crew) -> None:
        while True:
            crew.verify_going_here()

    def stop() -> None:
        raise Broken

    with pytest.raises(Broken):
        run_crew(break_down, caller=work)
    with pytest.raises(Broken):
        run_crew(caller=work, watch=stop)


def test_whoever_changes_something_after_an_error_is_stopped() -> None:
    changes: list[str] = []

    def change(crew: Crew) -> None:
        with pytest.raises(Stopped):
            crew.wait_for_all()
        with crew.change():
            changes.append("too late")

    with pytest.raises(Broken):
        run_crew(break_down, caller=change)

    assert changes == []


def test_an_interrupt_of_the_caller_is_not_hidden_by_a_members_error() -> None:
    def interrupt(crew: Crew) -> None:
        with pytest.raises(Stopped):
            crew.wait_for_all()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_crew(break_down, caller=interrupt)


def test_a_crew_keeps_nothing_of_an_error_once_it_is_told() -> None:
    crew = Crew(watch_nothing)
    with pytest.raises(Broken):
        run_crew(break_down, crew=crew)

    crew.verify_going()

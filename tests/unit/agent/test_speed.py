from cebox.agent.speed import Speed


def feed(speed: Speed, rate: int, seconds: float, *, since: float = 0.0, count: int = 0) -> int | None:
    """A count that grows steadily, looked at ten times a second; the last answer."""
    answer = None
    for step in range(int(seconds * 10) + 1):
        answer = speed.note(since + step / 10, count + rate * step // 10)
    return answer


def test_it_is_unknown_in_the_first_second() -> None:
    assert feed(Speed(), 1000, 0.9) is None


def test_a_steady_count_has_its_speed() -> None:
    assert feed(Speed(), 1000, 30) == 1000


def test_what_was_there_at_the_beginning_is_no_speed() -> None:
    assert feed(Speed(), 1000, 5, count=50_000_000) == 1000


def test_a_short_rush_moves_it_little() -> None:
    speed = Speed()
    feed(speed, 1000, 20)
    rushed = feed(speed, 3000, 1, since=20.1, count=20_100)

    assert rushed is not None
    assert 1000 < rushed < 1500


def test_after_ten_seconds_it_is_the_new_one() -> None:
    speed = Speed()
    feed(speed, 1000, 20)

    assert feed(speed, 200, 12, since=20.1, count=20_000) in (199, 200)


def test_when_nothing_moves_for_ten_seconds_it_is_unknown() -> None:
    speed = Speed()
    feed(speed, 1000, 20)

    assert feed(speed, 0, 12, since=20.1, count=20_000) is None


def test_a_count_that_begins_anew_has_no_speed_at_first() -> None:
    speed = Speed()
    feed(speed, 1000, 20)

    assert speed.note(20.1, 0) is None

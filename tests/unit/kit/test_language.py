import pytest

from cebox.kit.language import is_french


@pytest.mark.parametrize(
    ("environment", "french"),
    [
        ({}, False),
        ({"LANG": "fr_FR.UTF-8"}, True),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_BE.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:en"}, True),
        ({"LANG": "fr_FR.UTF-8", "LANGUAGE": "en"}, False),
        ({"LANG": "C.UTF-8", "LANGUAGE": "fr"}, False),
        ({"LANG": "", "LANGUAGE": ""}, False),
    ],
)
def test_the_sessions_own_language_is_spoken(environment: dict[str, str], french: bool) -> None:
    assert is_french(environment) is french

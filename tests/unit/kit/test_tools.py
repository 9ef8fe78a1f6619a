"""Programs that are missing are named with their packages; those that fail, with their last words."""

import pytest

from cebox.errors import InvalidInput, Unavailable
from cebox.kit.tools import run_tool, verify_tools


def test_all_that_is_missing_is_named_at_once_with_its_packages() -> None:
    with pytest.raises(Unavailable) as refused:
        verify_tools(("cat", "no-such-tool", "mkfs.none", "no-other"))

    assert refused.value.code == "tools_missing"
    assert refused.value.message == "not installed: no-such-tool, mkfs.none, no-other"
    assert refused.value.hint.endswith("--no-install-recommends mkfs.none no-other no-such-tool")


def test_what_is_there_is_not_complained_about() -> None:
    verify_tools(("cat",))


def test_a_tool_says_what_it_prints_and_runs_in_one_language() -> None:
    assert run_tool("printenv", "LC_ALL") == b"C.UTF-8\n"


def test_a_tool_that_fails_is_quoted() -> None:
    with pytest.raises(InvalidInput) as refused:
        run_tool("cat", "/nowhere/at/all")

    assert refused.value.code == "tool_failed"
    assert "/nowhere/at/all" in refused.value.message


def test_a_tool_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(Unavailable) as refused:
        run_tool("no-such-tool")

    assert refused.value.code == "tools_missing"


def test_the_package_of_a_missing_tool_is_named_where_it_is_called_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable) as refused:
        verify_tools(("qemu-system-x86_64",))

    assert refused.value.hint.endswith("--no-install-recommends qemu-system-x86")

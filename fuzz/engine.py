"""Runs one target under atheris: `python -m fuzz.engine <target> <libFuzzer's arguments>`. `fuzz.run` starts it."""

import importlib
import shlex
import sys


def main() -> None:
    target, *arguments = sys.argv[1:]
    atheris = importlib.import_module("atheris")
    # What is imported here is watched; nothing of it may be imported before.
    with atheris.instrument_imports(include=["cebox.release", f"fuzz.{target}"]):
        check = importlib.import_module(f"fuzz.{target}").check
    # For what it does in parts (-merge, -minimize_crash), libFuzzer starts its first argument anew, as a shell does.
    command = shlex.join([sys.executable, "-m", "fuzz.engine", target])
    atheris.Setup([command, *arguments], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

import json
import subprocess
import sys

import pytest

MIB = 1 << 20

# A process of its own: the settings are the process's, and so is the memory.
USE_MUCH = """
import json, threading
from pathlib import Path
from cebox.kit.heap import give_back_freed_memory, keep_freed_memory

def resident():
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) * 1024

def use():
    for _ in range(3):
        buffers = [bytearray(b"x") * (8 << 20) for _ in range(5)]
        del buffers

def use_in_turn():
    for _ in range(4):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()

at_rest = resident()
with keep_freed_memory(256 << 20):
    use_in_turn()
    kept = resident() - at_rest
    give_back_freed_memory()
    given_back = resident() - at_rest
    use_in_turn()
print(json.dumps({"kept": kept, "given_back": given_back, "after": resident() - at_rest}))
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, int]:
    done = subprocess.run([sys.executable, "-c", USE_MUCH], capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_what_one_thread_frees_is_used_by_the_next(measured: dict[str, int]) -> None:
    assert measured["kept"] < 60 * MIB


def test_all_that_is_free_is_given_back_when_asked_and_at_the_end(measured: dict[str, int]) -> None:
    assert measured["given_back"] < 4 * MIB
    assert measured["after"] < 4 * MIB

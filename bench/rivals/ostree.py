"""ostree: a static delta, and beside it the large objects that it leaves to be fetched one by one.

A client that has the old commit pulls the new one over HTTP. Its bytes are the delta's and its fallback objects', read
from the repository: over a line as fast as the loopback the client fetches objects of the delta a second time.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from bench.command import Cost, run
from bench.pairs import Pair
from bench.rivals.result import APPLY_LIMIT_SECONDS, MAKE_LIMIT_SECONDS, Result
from bench.rivals.trees import verify_tree
from bench.rivals.whole import ask_version


@dataclass(frozen=True, slots=True)
class Ostree:
    """The server's repository is an archive, the client's bare-user, as where it is in use.

    ostree compares large files with bsdiff by default; many vendors switch it off for the time it takes.
    """

    name: str = "ostree-delta"
    has_bsdiff: bool = True
    needs_trees = True

    @property
    def recipe(self) -> str:
        difference = "with bsdiff" if self.has_bsdiff else "--disable-bsdiff"
        return f"archive; static-delta generate {difference}; summary; pull --require-static-deltas over HTTP"

    def read_version(self) -> str:
        return " ".join(ask_version("ostree", "--version").split()) + ask_version("dpkg-query", "-W", "ostree")

    def measure(self, pair: Pair, folder: Path) -> Result:
        old_tree, new_tree = pair.get_trees()
        server, client = folder / "server", folder / "client"
        _ask(server, "init", "--mode=archive")
        _commit(server, "old", old_tree, folder)
        _commit(server, "new", new_tree, folder)
        _ask(client, "init", "--mode=bare-user")
        _ask(client, "pull-local", server, "old")
        disabled = () if self.has_bsdiff else ("--disable-bsdiff",)
        make = _ask(server, "static-delta", "generate", "--from=old", "--to=new", *disabled)
        _ask(server, "summary", "-u")
        with serve(server) as address:
            _ask(client, "remote", "add", "--no-gpg-verify", "origin", address)
            pull = ["pull", "--require-static-deltas", "origin", "new"]
            apply = run(["ostree", f"--repo={client}", *pull], limit_seconds=APPLY_LIMIT_SECONDS)
        beside = _read_fallback_bytes(server, folder / "shown")
        size_bytes = beside + sum(part.stat().st_size for part in (server / "deltas").rglob("*") if part.is_file())
        _ask(client, "checkout", "-U", "origin:new", folder / "out")
        verify_tree(folder / "out", new_tree)
        note = f"files, not an image; {beside / 1e6:.1f} MB of it objects beside the delta"
        return Result(size_bytes, make, apply, note)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The folder over HTTP on the loopback, at the address it yields."""

    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _read_fallback_bytes(repository: Path, shown: Path) -> int:
    """What the fallback objects have compressed, as they lie in the archive and travel."""
    run(["ostree", f"--repo={repository}", "static-delta", "list"], limit_seconds=MAKE_LIMIT_SECONDS, output=shown)
    delta = shown.read_text().strip()
    show = ["ostree", f"--repo={repository}", "static-delta", "show", delta]
    run(show, limit_seconds=MAKE_LIMIT_SECONDS, output=shown)
    found = re.search(r"^Total Fallback Size: (\d+) \(", shown.read_text(), re.MULTILINE)
    assert found, "ostree names no fallback size"
    return int(found[1])


def _commit(repository: Path, branch: str, tree: Path, folder: Path) -> None:
    skipped = folder / "skipped"
    skipped.write_text("/dev\n")
    words = ["-b", branch, f"--tree=dir={tree}", "--timestamp=@1750000000", "--no-xattrs", f"--skip-list={skipped}"]
    _ask(repository, "commit", "--fsync=false", *words)


def _ask(repository: Path, *words: str | Path) -> Cost:
    return run(["ostree", f"--repo={repository}", *words], limit_seconds=MAKE_LIMIT_SECONDS)

"""A real SMTP server on a free loopback port, in threads of the test: STARTTLS or TLS, sign-in, and faults on demand.

    with SmtpServer() as server:
        ...
        server.letters[0].message["Subject"]

`letters` holds what was accepted, `refused_recipients` maps an address to the answer it gets instead.
"""

import base64
import email
import socketserver
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Self, cast

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Letter:
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    is_encrypted: bool
    user: str


@dataclass
class SmtpServer:
    """`tls` None speaks in the clear; `from_start` is TLS from the first byte, else it is offered as STARTTLS.

    `busy_first_n`: the first n e-mails from now on are put off with a 451; counts down. `hold`: a letter is accepted
    and written down, but the answer waits for `let_go`.
    """

    tls: ssl.SSLContext | None = None
    from_start: bool = False
    users: dict[str, str] = field(default_factory=dict)
    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    refused_recipients: dict[str, str] = field(default_factory=dict)
    busy_first_n: int = 0
    hold: bool = False
    connections: int = 0

    def __post_init__(self) -> None:
        self.held = threading.Event()
        self._go = threading.Event()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def let_go(self) -> None:
        self.hold = False
        self._go.set()

    def keep(self, letter: Letter) -> None:
        self.letters.append(letter)
        if self.hold:
            self.held.set()
            self._go.wait(60)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    owner: SmtpServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or did not trust us, is no error of the server."""


class _Handler(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        self.owner = cast(_Server, self.server).owner
        self.owner.connections += 1
        self.is_encrypted = False
        if self.owner.tls and self.owner.from_start:
            self._encrypt()
        super().setup()

    def handle(self) -> None:
        self.sender, self.recipients, self.user = "", [], ""  # type: tuple[str, list[str], str]
        self._say("220 mail.example ESMTP")
        with suppress(OSError):
            while line := self.rfile.readline(4096):
                verb, _, rest = line.decode("ascii", "replace").strip().partition(" ")
                if not self._answer(verb.upper(), rest):
                    return

    def _answer(self, verb: str, rest: str) -> bool:
        match verb:
            case "EHLO":
                self._greet()
            case "STARTTLS":
                self._say("220 go ahead")
                self._encrypt()
                super().setup()
            case "AUTH":
                self._sign_in(rest)
            case "MAIL":
                self.sender, self.recipients = _address(rest), []
                must = self.owner.users and not self.user
                self._say("530 5.7.0 sign in first" if must else "250 ok")
            case "RCPT":
                answer = self.owner.refused_recipients.get(_address(rest), "")
                if not answer:
                    self.recipients.append(_address(rest))
                self._say(answer or "250 ok")
            case "DATA":
                self._take_letter()
            case "QUIT":
                self._say("221 bye")
                return False
            case "RSET" | "NOOP" | "HELO":
                self._say("250 ok")
            case _:
                self._say("502 not known")
        return True

    def _greet(self) -> None:
        offers = ["mail.example", "8BITMIME", "SMTPUTF8"]
        if self.owner.tls and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.owner.users:
            offers.append("AUTH PLAIN")
        for offer in offers[:-1]:
            self._say(f"250-{offer}")
        self._say(f"250 {offers[-1]}")

    def _sign_in(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
        if self.owner.users.get(user) != password:
            self._say("535 5.7.8 not you")
            return
        self.user = user
        self._say("235 welcome")

    def _take_letter(self) -> None:
        self._say("354 go on")
        content = b""
        while (line := self.rfile.readline(1 << 16)) not in (b".\r\n", b""):
            content += line.removeprefix(b".") if line.startswith(b"..") else line
            assert len(content) <= _MOST_BYTES
        if self.owner.busy_first_n > 0:
            self.owner.busy_first_n -= 1
            self._say("451 4.7.1 come back later")
            return
        message = email.message_from_bytes(content, policy=SMTP)
        self.owner.keep(Letter(self.sender, tuple(self.recipients), message, self.is_encrypted, self.user))
        self._say("250 taken")

    def _encrypt(self) -> None:
        assert self.owner.tls is not None
        self.request = self.owner.tls.wrap_socket(self.request, server_side=True)
        self.is_encrypted = True

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]

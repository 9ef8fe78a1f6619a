"""The mail server: one connection for several e-mails, verified TLS, and what each answer means for the next try.

Blocking: call it in a thread.
"""

import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from cebox.console.deliveries.records import ACCEPTED, Outcome
from cebox.console.settings import ConsoleSettings
from cebox.errors import CeboxError, InvalidInput, NotPermitted

# Each answer of the server; a whole e-mail takes five or six.
ANSWER_SECONDS = 20.0
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    authorities: Path | None = None


def load_mail_server(settings: ConsoleSettings) -> MailServer | None:
    """None: no e-mail is sent. Raises InvalidInput (`smtp_password_missing`, `smtp_authorities_missing`), NotPermitted
    (`smtp_password_exposed`, `smtp_needs_tls`).
    """
    if not settings.smtp_host:
        return None
    if settings.smtp_security == "none" and not _is_this_machine(settings.smtp_host):
        raise NotPermitted(
            "smtp_needs_tls",
            f"e-mails would travel to {settings.smtp_host} in the clear",
            hint="Set smtp_security to starttls or tls; none is for a mail server on this machine.",
        )
    if settings.smtp_authorities is not None and not settings.smtp_authorities.is_file():
        raise InvalidInput("smtp_authorities_missing", f"there is no {settings.smtp_authorities}")
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        _read_password(settings.smtp_password_file),
        settings.smtp_authorities,
    )


class MailSession:
    """Opens a connection with the first e-mail and keeps it until `close`."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> Outcome:
        try:
            connection = self._connection or self._open()
            connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            outcome = _judge(error)
            # After a refusal the server waits for the next e-mail; after anything else nobody knows where it stands.
            if not isinstance(error, smtplib.SMTPRecipientsRefused):
                self.close()
            return outcome
        return ACCEPTED

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
            connection.close()

    def _open(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.authorities)
        name = socket.gethostname() or "localhost"
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=ANSWER_SECONDS, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, name, timeout=ANSWER_SECONDS)
        try:
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def describe_misconfiguration(error: CeboxError) -> Outcome:
    """Tried again: the operator may have mended it by then."""
    return Outcome(False, code=error.code, is_for_all=True)


def _judge(error: Exception) -> Outcome:
    """Only what the server says of this person is final; what it says of us, the operator can mend."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            status, words = next(iter(error.recipients.values()))
            code = "mail_recipient_refused" if status >= _PERMANENT else "mail_recipient_deferred"
            return Outcome(False, is_final=status >= _PERMANENT, code=code, answer=f"{status} {_decode(words)}")
        case smtplib.SMTPAuthenticationError():
            return Outcome(False, code="mail_sign_in_refused", answer=_say(error), is_for_all=True)
        case smtplib.SMTPSenderRefused():
            return Outcome(False, code="mail_sender_refused", answer=_say(error), is_for_all=True)
        case smtplib.SMTPNotSupportedError():
            return Outcome(False, code="mail_server_lacks", is_for_all=True)
        case smtplib.SMTPDataError():
            return Outcome(False, code="mail_refused", answer=_say(error))
        case ssl.SSLError():
            return Outcome(False, code="mail_server_untrusted", answer=str(error), is_for_all=True)
        case _:
            return Outcome(False, code="mail_server_unreachable", is_for_all=True)


def _say(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_decode(error.smtp_error)}"


def _decode(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _read_password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        is_exposed = bool(path.stat().st_mode & 0o077)
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidInput("smtp_password_missing", f"{path} cannot be read") from error
    if is_exposed:
        raise NotPermitted(
            "smtp_password_exposed", f"{path} is not its owner's alone", hint="Make it so: chmod 600, and no group."
        )
    return password


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

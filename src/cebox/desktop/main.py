"""`cebox-notice`: started in the session when the agent announces something; ends when that is over."""

import os
from pathlib import Path

from cebox.desktop.notice import Notice, Place
from cebox.desktop.words import Word, Words
from cebox.kit.language import is_french
from cebox.protocol.desk import ANNOUNCEMENT, DESK_SOCKET, find_coming


def main(announcement: Path = ANNOUNCEMENT, desk: Path = DESK_SOCKET) -> int:
    """The exit code: always 0, for nobody could do anything about another."""
    if find_coming(announcement) is None:
        return 0
    # Imported late: most of the time there is nothing to show, and a toolkit is large.
    from cebox.desktop.window import Window

    words = Words(is_french=is_french(os.environ))
    Window(Notice(Place(announcement, desk), words), words.write(Word.CLOSE)).run()
    return 0

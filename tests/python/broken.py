"""The device of `pead.py` with one bug in it, such as an engineer makes: the suite has to catch each.

    peadsim conform --exec "venv/bin/python tests/python/broken.py NAME" --suite p256 scenarios

A bug replaces one method of the device. Not here: the device without bugs (`device`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pead
from core import Core
from desk import Case, Desk
from directory import Directory
from inbox import Inbox
from outbox import Outbox


def early_press() -> None:
    """A press counts as soon as something is shown: the time to look at it is forgotten."""
    press = Desk.press

    def broken(self: Desk, button: str) -> None:
        case = self._shown()
        if case is not None and case.shown_at is not None:
            case.shown_at -= self.core.settings.arm
        press(self, button)

    Desk.press = broken


def nonce_reset() -> None:
    """The nonce is a counter in memory: it begins again at each start, under the same keys."""
    begin = Outbox.__init__

    def broken(self: Outbox, core: Core, *parts: Any) -> None:
        begin(self, core, *parts)
        self._salt = bytes(4)
        core.durable.counters.clear()

    Outbox.__init__ = broken


def one_press_signs_two() -> None:
    """The press stays latched after it is taken: the next request is signed as it comes on the screen."""
    approve, show = Desk._approve, Desk._show
    latched: set[int] = set()

    def keep(self: Desk, case: Case) -> None:
        approve(self, case)
        latched.add(id(self))

    def broken(self: Desk, case: Case) -> None:
        show(self, case)
        if id(self) in latched:
            latched.remove(id(self))
            approve(self, case)

    Desk._approve, Desk._show = keep, broken


def stale_secret() -> None:
    """Shared secrets are kept by peer and not by epoch: one from before a rotation goes on."""
    secret = Directory.secret

    def broken(self: Directory, peer: str, own: int, theirs: int) -> bytes:
        secrets = self.core.durable.table[peer].secrets
        return next(iter(secrets.values())) if secrets else secret(self, peer, own, theirs)

    Directory.secret = broken


def window_in_memory() -> None:
    """What has come is remembered in memory: after a loss of power it is shown again."""
    begin = Inbox.__init__

    def broken(self: Inbox, core: Core, *parts: Any) -> None:
        begin(self, core, *parts)
        core.durable.windows.clear()

    Inbox.__init__ = broken


# What has to catch each, with the device in the part of this user. S-12 is the judge of nonces; where an
# expectation of the scenario finds it, the requirement that it shows is given.
#
#   bug                  test                       part   judge
#   early-press          BOX-03-early-press         alice  expect (C03-R1)
#   nonce-reset          BOX-02-nonces              alice  S-12
#   one-press-signs-two  BOX-03-one-press           alice  expect (C03-R1, C03-R5)
#   stale-secret         BOX-15-mail-in-flight      alice  expect (C15-R1)
#                        ROT-R1-inflight            alice  expect
#   window-in-memory     BOX-10-ack-lost-power-cut  bob    expect (C10-R4)
#                        DELIV-ack-lost-restart     bob    expect
BUGS: dict[str, Callable[[], None]] = {
    "early-press": early_press,
    "nonce-reset": nonce_reset,
    "one-press-signs-two": one_press_signs_two,
    "stale-secret": stale_secret,
    "window-in-memory": window_in_memory,
}


def main() -> None:
    """Serves the standard streams with the bug that the command line names."""
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in BUGS:
        sys.exit(f"usage: broken.py {'|'.join(BUGS)}")
    BUGS[names[0]]()
    pead.main()


if __name__ == "__main__":
    main()

"""The screen and the buttons: requests for approval, shown one at a time and signed on a press.

What is signed is what was shown: a request that cannot be shown exactly is not shown at all. Not here:
how requests come and answers go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import cbor
import keys
import wire
from core import Core, mid_fact
from directory import Directory
from wire import Mid, Request

# A screen shows this many lines at once; `screen_lines` is the length of the longest request.
PAGE_LINES = 4
# COSE (RFC 9052): {1: -7}, which is ES256, and {}.
PROTECTED = bytes.fromhex("a10126")
NO_HEADERS = b"\xa0"
APPROVE = 1
# Unicode's categories of what cannot be seen, or moves what is seen.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

Compose = Callable[[str, int, bytes, "int | None", "int | None"], None]


@dataclass
class Case:
    """A request on the screen, or on its way there."""

    request: Request
    mid: Mid | None
    draft: int | None
    latest: int
    shown_at: int | None = None
    seen_to_end: bool = False

    @property
    def receiver(self) -> str:
        """Who gets the approval: the requester, who for own data is its receiver."""
        return self.request.requester


class Desk:
    """Volatile: a loss of power before the press approves nothing."""

    def __init__(self, core: Core, directory: Directory, compose: Compose,
                 fail: Callable[[int, str], None]) -> None:
        self.core = core
        self.directory = directory
        self._compose = compose
        self._fail = fail
        self._cases: list[Case] = []

    # What comes to be approved.

    def receive(self, mid: Mid, body: bytes) -> None:
        """Somebody asks for approval."""
        try:
            request = wire.decode_request(body)
        except cbor.Malformed:
            return
        if request.requester == mid.sender and self._is_new(request, mid.sender):
            self._queue(Case(request, mid, None, self.core.now))

    def own(self, draft: int, request: Request) -> None:
        """The user brings own data; it waits one lookup try for the receiver's key (C04-R6)."""
        latest = self.core.now + self.core.settings.lookup_try
        if not self._is_new(request, None) or not self._queue(Case(request, None, draft, latest)):
            self._fail(draft, "failed")

    def _is_new(self, request: Request, sender: str | None) -> bool:
        """Whether the transaction was not seen before; with other content it is an attack."""
        digest = keys.digest(wire.encode(request))
        known = [keys.digest(wire.encode(it.request)) for it in self._cases
                 if it.request.txn == request.txn]
        known += [it for txn, it in self.core.durable.answers.items() if txn == request.txn]
        if known and digest not in known:
            self.core.alarm(sender, "txn-conflict")
        return not known

    def _queue(self, case: Case) -> bool:
        if not self._is_displayable(case.request.lines):
            return False
        self._cases.append(case)
        return True

    def _is_displayable(self, lines: list[str]) -> bool:
        settings = self.core.settings
        return len(lines) <= settings.screen_lines and all(
            len(line) <= settings.screen_columns
            and not any(unicodedata.category(letter) in UNSEEN for letter in line)
            for line in lines)

    # The screen.

    def wanted(self) -> list[str]:
        """Whose keys should be there before the prompt."""
        return [case.receiver for case in self._cases if not self._is_ready(case)]

    def _is_ready(self, case: Case) -> bool:
        known = self.directory.record_to_send(case.receiver) is not None
        return known or case.latest <= self.core.now or case.shown_at is not None

    def due(self) -> int | None:
        """When a request is over, or is shown without a key."""
        core = self.core
        times = [core.until_wall(case.request.expires) for case in self._cases]
        times += [case.latest for case in self._cases if not self._is_ready(case)]
        return min(times, default=None)

    def settle(self) -> None:
        """Takes away what is over, and shows what is next."""
        for case in [case for case in self._cases if case.request.expires <= self.core.wall]:
            self._close(case, "expired")
        if self._shown() is None:
            ready = [case for case in self._cases if self._is_ready(case)]
            if ready:
                self._show(ready[0])

    def _shown(self) -> Case | None:
        return next((case for case in self._cases if case.shown_at is not None), None)

    def _close(self, case: Case, status: str) -> None:
        self._cases.remove(case)
        if case.draft is not None:
            self._fail(case.draft, status)

    def _show(self, case: Case) -> None:
        request = case.request
        case.shown_at = self.core.now
        case.seen_to_end = len(request.lines) <= PAGE_LINES
        self.core.tell("prompt", txn=request.txn.hex(), requester=request.requester,
                       request=mid_fact(case.mid), lines=request.lines,
                       display=_display_digest(request).hex(),
                       body=keys.digest(wire.encode(request)).hex(), expires=request.expires)

    def scroll(self) -> None:
        """The user pages to the end."""
        case = self._shown()
        if case is not None:
            case.seen_to_end = True

    def press(self, button: str) -> None:
        """The user presses a button, whatever is shown."""
        core, case = self.core, self._shown()
        taken = case is not None and case.shown_at is not None and (
            core.now >= case.shown_at + core.settings.arm
            and core.wall < case.request.expires
            and (case.seen_to_end or button == "reject"))
        core.tell("button", button=button, screen=case.request.txn.hex() if case else None,
                  taken=taken)
        if case is None or not taken:
            return
        core.durable.answers[case.request.txn] = keys.digest(wire.encode(case.request))
        if button == "reject":
            self._reject(case)
        else:
            self._approve(case)

    # The answers.

    def _reject(self, case: Case) -> None:
        self._close(case, "failed")
        if case.mid is not None:
            body = cbor.encode([case.request.txn])
            self._compose(case.receiver, wire.DECLINED, body, None, case.request.expires)

    def _approve(self, case: Case) -> None:
        request = case.request
        self._cases.remove(case)
        own = None if case.mid is not None else wire.encode(request)
        body = cbor.encode([self._signed(request), own])
        self._compose(case.receiver, wire.APPROVAL_REPLY, body, case.draft, request.expires)

    def _signed(self, request: Request) -> bytes:
        """The statement that the user approves, signed: a COSE_Sign1."""
        core, durable = self.core, self.core.durable
        durable.approvals += 1
        statement = cbor.encode([
            "PEAD-v1 approval", request.txn, APPROVE, request.requester, core.user, durable.current,
            keys.digest(wire.encode(request)), _display_digest(request), core.settings.user_info,
            durable.approvals, core.wall, request.expires,
        ])
        covered = cbor.encode(["Signature1", PROTECTED, b"", statement])
        signature = keys.sign(durable.own[durable.current].pairs.sign, covered)
        return b"".join([cbor.head(cbor.ARRAY, 4), cbor.encode(PROTECTED), NO_HEADERS,
                         cbor.encode(statement), cbor.encode(signature)])


def _display_digest(request: Request) -> bytes:
    """The digest of the octets that go to the display."""
    return keys.digest("".join(line + "\n" for line in request.lines).encode())

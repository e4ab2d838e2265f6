"""A PEAD: its parts put together, and what happens to it told to the right one.

Whatever happens, everything is settled afterwards: each part does what it can do by then. Not here: who
tells it what happens (`pead`).
"""

from __future__ import annotations

from typing import Any

import cbor
import wire
from core import Core
from desk import Desk
from directory import Directory
from inbox import Inbox
from outbox import Outbox
from rotation import Rotation
from session import Session
from wire import Deliver, KeyChanged, Mid, Request, StatusReport, Ticket

REQUEST_NONCE = 16


class Device:
    """A device from one start to the next loss of power."""

    def __init__(self, core: Core, ticket: Ticket | None) -> None:
        self.core = core
        self.session = Session(core, ticket, self._wake)
        self.directory = Directory(core, self.session)
        self.outbox = Outbox(core, self.session, self.directory)
        self.rotation = Rotation(core, self.session, self.directory)
        self.inbox = Inbox(core, self.session, self.directory, self._present, self._complain,
                           self.rotation.look)
        self.desk = Desk(core, self.directory, self.outbox.compose, self._not_approved)

    def due(self) -> int | None:
        """When it wants to go on by itself."""
        parts = (self.session, self.directory, self.outbox, self.inbox, self.desk, self.rotation)
        return min((due for part in parts if (due := part.due()) is not None), default=None)

    def is_pending(self) -> bool:
        """Whether it has something to bring to an end."""
        return (self.outbox.is_pending() or self.inbox.is_pending() or self.rotation.is_pending()
                or self.directory.is_busy())

    def settle(self) -> None:
        """Does everything that can be done now."""
        self.rotation.settle()
        self.inbox.settle()
        self.desk.settle()
        self.outbox.settle()
        wanted = [*self.outbox.wanted(), *self.inbox.wanted(), *self.desk.wanted()]
        self.directory.settle(wanted, self.outbox.pinned() | self.inbox.pinned())
        self.session.settle()

    def hear(self, octets: bytes) -> None:
        """A frame arrives, or what came of one on its way."""
        try:
            envelope = wire.decode(octets)
        except cbor.Malformed:
            return
        match envelope.body:
            case Deliver():
                self.inbox.deliver(envelope.body)
            case StatusReport():
                self.outbox.report(envelope.body)
            case KeyChanged(user, epoch):
                self.directory.hint(user, epoch)
            case _:
                self.session.hear(envelope)

    def act(self, act: str, what: dict[str, Any]) -> bool:
        """The user does something. Whether it is something that this device knows, and now."""
        match act:
            case "press":
                self.desk.press(what["button"])
            case "scroll":
                self.desk.scroll()
            case "send":
                self.outbox.compose(what["to"], wire.TEXT, what["text"].encode(), what["draft"])
            case "approve":
                self.desk.own(what["draft"], self._request(what["to"], what))
            case "confirm":
                if self.directory.confirm(what["peer"], what["accept"]):
                    self.session.detach()
            case "rotate":
                self.rotation.start(what["revoke"])
            case "poll":
                self.session.poll()
            case _:
                return False
        return True

    def _request(self, requester: str, what: dict[str, Any]) -> Request:
        core = self.core
        return Request(bytes.fromhex(what["txn"]), requester, what["lines"], what["amount"],
                       what["currency"], what["payee"], core.wall, what["expires"],
                       core.luck.octets(REQUEST_NONCE))

    def _wake(self) -> None:
        self.directory.wake()

    def _present(self, mid: Mid, kind: int, plain: bytes) -> None:
        """A message that is not for the user's eyes as it is."""
        if kind == wire.APPROVAL_REQUEST:
            self.desk.receive(mid, plain)
        elif kind == wire.END_TO_END_NACK:
            self.directory.suspect(mid.sender)

    def _complain(self, mid: Mid) -> None:
        body = wire.encode((mid, wire.STALE_EPOCH))
        self.outbox.compose(mid.sender, wire.END_TO_END_NACK, body)

    def _not_approved(self, draft: int, status: str) -> None:
        self.core.tell("notice", draft=draft, mid=None, status=status)

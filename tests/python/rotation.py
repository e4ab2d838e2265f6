"""A device's own keys: making a new pair, having it recorded, and erasing the old one.

Not here: others' keys (`directory`).
"""

from __future__ import annotations

from typing import Any

import keys
import records
import wire
from core import MILLISECOND, Core, OwnKey
from directory import Directory
from records import KeyPairs
from session import Request, Session
from wire import Error, KeyReply, LookupKey, RotateKey


class Rotation:
    """The new pair is durable before it is announced, and used for sending after the server has it."""

    def __init__(self, core: Core, session: Session, directory: Directory) -> None:
        self.core = core
        self.session = session
        self.directory = directory
        self._request: Request | None = None
        self._looking: Request | None = None
        self._alarmed = False

    def start(self, revoke: bool) -> bool:
        """The user wants a new key pair. Whether none was under way yet."""
        core, durable = self.core, self.core.durable
        if durable.pending is not None:
            return False
        before = durable.own[durable.current]
        draw = core.luck.octets
        pairs = KeyPairs(keys.secret_from(draw(48)), keys.secret_from(draw(48)))
        record = records.make(core.user, pairs, core.wall, core.settings.key_life // MILLISECOND,
                              (before.record, before.pairs), revoke)
        durable.own[record.epoch] = OwnKey(pairs, record)
        durable.pending = record.epoch
        return True

    def is_pending(self) -> bool:
        """Whether a rotation is under way."""
        return self.core.durable.pending is not None

    def due(self) -> int | None:
        """When an old key is to be erased."""
        grace = self.core.settings.grace
        return min((own.retired_at + grace for own in self.core.durable.own.values()
                    if own.retired_at is not None), default=None)

    def settle(self) -> None:
        """Announces, and erases."""
        core, durable = self.core, self.core.durable
        for epoch, own in list(durable.own.items()):
            if own.retired_at is not None and own.retired_at + core.settings.grace <= core.now:
                self._erase(epoch)
        if durable.pending is not None and self._request is None:
            own = durable.own[durable.pending]
            body = RotateKey(own.record, records.possession(own.record, own.pairs))
            self._request = self.session.ask(body, self._recorded, self._refused,
                                             tries_max=core.settings.burst)

    def _erase(self, epoch: int) -> None:
        del self.core.durable.own[epoch]
        self.directory.forget_own(epoch)

    def _withdraw(self) -> None:
        if self._request is not None:
            self.session.drop(self._request)
        self._request = None

    def _recorded(self, answer: Any) -> None:
        durable = self.core.durable
        if durable.pending is None or not isinstance(answer, wire.RotateAck):
            return
        if answer.record_hash == records.hash_of(durable.own[durable.pending].record):
            self._complete(durable.pending)

    def _complete(self, epoch: int) -> None:
        durable = self.core.durable
        self._withdraw()
        old, durable.current, durable.pending = durable.current, epoch, None
        durable.own[old].retired_at = self.core.now
        if durable.own[epoch].record.flags & records.REVOKE_PREV:
            self._erase(old)

    def _refused(self, error: Error) -> None:
        durable = self.core.durable
        if self._request is None or durable.pending is None:
            return
        if error.code in (wire.E_IN_GRACE, wire.E_EPOCH_CONFLICT):
            in_grace = error.code == wire.E_IN_GRACE
            wait = error.arg * MILLISECOND if in_grace else self.core.settings.negative
            self._request.tries, self._request.at = 0, self.core.now + wait
            if not in_grace:
                self.look()
            return
        self._withdraw()
        self._erase(durable.pending)
        durable.pending = None
        self._alarm()

    # The own record in the directory, which may be ahead of a device that was set back (R7).

    def look(self) -> None:
        """Somebody knows another epoch of this device than the device does."""
        if self._looking is None:
            settings = self.core.settings
            self._looking = self.session.ask(
                LookupKey(self.core.user, 0, None), self._seen, lambda _: self._seen(None),
                tired=lambda: self._seen(None), tries_max=settings.burst, even=settings.lookup_try)

    def _seen(self, answer: Any) -> None:
        if self._looking is not None:
            self.session.drop(self._looking)
        self._looking = None
        if not isinstance(answer, KeyReply) or not answer.records:
            return
        durable = self.core.durable
        served = records.hash_of(max(answer.records, key=lambda record: record.epoch))
        pending = durable.own.get(durable.pending or 0)
        if pending is not None and served == records.hash_of(pending.record):
            self._complete(pending.record.epoch)
        elif served != records.hash_of(durable.own[durable.current].record):
            self._alarm()

    def _alarm(self) -> None:
        if not self._alarmed:
            self._alarmed = True
            self.core.alarm(None, "own-record")

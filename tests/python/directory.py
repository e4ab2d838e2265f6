"""What a device knows of others: pins, the table of shared secrets, and the lookups that feed both.

Whoever needs a key says so each time things are settled; one lookup serves all who need the same one.
Not here: messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keys
import wire
from core import MILLISECOND, Core, Row
from records import REVOKE_PREV, Finding, generation_of, hash_of, judge
from session import Request, Session
from wire import Error, KeyReply, LookupKey, Record

MINUTE = 60_000_000_000


class Directory:
    """Pins and table are durable; lookups are not."""

    def __init__(self, core: Core, session: Session) -> None:
        self.core = core
        self.session = session
        self._lookups: dict[str, Request] = {}
        self._queue: list[str] = []
        self._hinted: set[str] = set()
        self._answered: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._resting: dict[str, int] = {}
        self._refused: set[bytes] = set()
        self._pinned: set[str] = set()
        self._tokens = core.settings.lookups_burst
        self._refilled_at = core.now
        if not core.settings.table_durable:
            core.durable.table.clear()

    # What is known.

    def pin(self, peer: str) -> Record | None:
        """The newest record accepted of a peer."""
        return self.core.durable.pins.get(peer)

    def record(self, peer: str, epoch: int) -> Record | None:
        """The peer's record of an epoch, if the table has it."""
        row = self.core.durable.table.get(peer)
        return row.records.get(epoch) if row else None

    def record_to_send(self, peer: str) -> Record | None:
        """The record to encrypt to: the newest, unless it is too old or another may be the right one."""
        core = self.core
        row = core.durable.table.get(peer)
        if row is None or peer in core.durable.candidates:
            return None
        if core.now - row.fetched_at > core.settings.max_stale:
            return None
        return row.records[max(row.records)]

    def secret(self, peer: str, own: int, theirs: int) -> bytes:
        """The secret shared with a peer under these epochs, both of which are there."""
        core = self.core
        row = core.durable.table[peer]
        row.used_at = core.now
        if (own, theirs) not in row.secrets:
            pairs, record = core.durable.own[own].pairs, row.records[theirs]
            ends = ((core.user, own, keys.kid(keys.public(pairs.agree))),
                    (peer, theirs, keys.kid(record.agree)))
            row.secrets[own, theirs] = keys.pair_secret(pairs.agree, record.agree, *ends)
        return row.secrets[own, theirs]

    def answered_since(self, peer: str, step: int) -> bool:
        """Whether a lookup that was asked after this step has been answered."""
        return self._answered.get(peer, 0) > step

    def is_unknown(self, peer: str) -> bool:
        """Whether the server has said that there is no such user, and is believed."""
        return peer in self._unknown and self._resting[peer] > self.core.now

    def is_unknown_since(self, peer: str, step: int) -> bool:
        """Whether the server has said so after this step."""
        return self._unknown.get(peer, 0) > step

    def is_tired(self, peer: str) -> bool:
        """Whether the last lookup ended without an answer, however often it was sent."""
        return peer in self._resting and peer not in self._unknown

    def forget_own(self, epoch: int) -> None:
        """Secrets of an own epoch are erased."""
        for row in self.core.durable.table.values():
            row.secrets = {at: it for at, it in row.secrets.items() if at[0] != epoch}

    # What is asked.

    def hint(self, peer: str, epoch: int) -> None:
        """Somebody says that a peer has a new key; only a record proves it."""
        pin = self.pin(peer)
        if pin is not None and epoch > pin.epoch:
            self._hinted.add(peer)

    def suspect(self, peer: str) -> None:
        """A peer could not open a message of ours: perhaps it has a new key."""
        if self.pin(peer) is not None:
            self._hinted.add(peer)

    def is_busy(self) -> bool:
        """Whether an answer is waited for that somebody needs."""
        return any(peer in self._queue for peer in self._lookups)

    def due(self) -> int | None:
        """When there is something to do by itself."""
        core = self.core
        refresh = core.settings.refresh
        times = [row.fetched_at + refresh for peer, row in core.durable.table.items()
                 if peer not in self._lookups and row.fetched_at + refresh > core.now]
        times += [rest for rest in self._resting.values() if rest > core.now]
        if self._waiting() and self._tokens == 0:
            times.append(self._refilled_at + MINUTE // core.settings.lookups_per_minute)
        return min(times, default=None)

    def settle(self, wanted: Iterable[str], pinned: set[str]) -> None:
        """Asks for the keys of `wanted`; rows of `pinned` stay in the table."""
        wanted = list(dict.fromkeys(wanted))
        self._queue = [peer for peer in self._queue if peer in wanted]
        self._queue += [peer for peer in wanted if peer not in self._queue]
        self._pinned = pinned
        self._refill()
        waiting = self._waiting()
        for peer in waiting[:self._tokens]:
            self._tokens -= 1
            self._ask(peer)

    def _waiting(self) -> list[str]:
        core = self.core
        stale = [peer for peer, row in core.durable.table.items()
                 if core.now - row.fetched_at >= core.settings.refresh]
        first = [peer for peer in self._queue if self._has_room(peer)]
        rest = [] if first else [*sorted(self._hinted), *stale]
        return [peer for peer in [*first, *rest]
                if peer not in self._lookups and self._resting.get(peer, 0) <= core.now]

    def _has_room(self, peer: str) -> bool:
        table = self.core.durable.table
        free = len(table) < self.core.settings.table_capacity
        return peer in table or free or any(
            other not in self._pinned for other in table)

    def _refill(self) -> None:
        settings = self.core.settings
        period = MINUTE // settings.lookups_per_minute
        count = (self.core.now - self._refilled_at) // period
        self._refilled_at += count * period
        self._tokens = min(self._tokens + count, settings.lookups_burst)
        if self._tokens == settings.lookups_burst:
            self._refilled_at = self.core.now

    def _ask(self, peer: str) -> None:
        settings = self.core.settings
        pin = self.pin(peer)
        self._lookups[peer] = self.session.ask(
            LookupKey(peer, 0, hash_of(pin) if pin else None),
            lambda answer: self._reply(peer, answer),
            lambda error: self._no_reply(peer, error),
            tired=lambda: self._exhausted(peer),
            tries_max=settings.burst,
            even=settings.lookup_try,
        )

    def _exhausted(self, peer: str) -> None:
        self.session.drop(self._lookups.pop(peer))
        self._resting[peer] = self.core.now + self.core.settings.negative
        self._unknown.pop(peer, None)

    def wake(self) -> None:
        """The device is attached anew: what has rested is tried again."""
        for peer in self._resting.keys() - self._unknown.keys():
            self._resting[peer] = self.core.now

    def _no_reply(self, peer: str, error: Error) -> None:
        if error.code == wire.E_UNKNOWN_USER:
            self._end(peer)
            self._resting[peer] = self.core.now + self.core.settings.negative
            self._unknown[peer] = self.core.step()

    def _end(self, peer: str) -> None:
        request = self._lookups.pop(peer)
        self.session.drop(request)
        self._answered[peer] = request.asked_at or 0
        self._hinted.discard(peer)
        self._resting.pop(peer, None)
        self._unknown.pop(peer, None)

    def _reply(self, peer: str, answer: Any) -> None:
        if not isinstance(answer, KeyReply):
            return
        core, pin = self.core, self.pin(peer)
        finding, records = judge(peer, answer.records, pin)
        if finding is Finding.ACCEPTED:
            self._end(peer)
            self._accept(peer, records)
            if answer.more:
                self._hinted.add(peer)
            return
        if finding is Finding.IGNORED:
            return
        if finding in (Finding.NEW_IDENTITY, Finding.BROKEN_CHAIN):
            self._end(peer)
            if peer in core.durable.table:
                core.durable.table[peer].fetched_at = core.now
            if hash_of(records[-1]) in self._refused or peer in core.durable.candidates:
                return
            core.durable.candidates[peer] = records
            core.alarm(peer, finding.value)
            core.tell("confirm-asked", peer=peer, generation=generation_of(records[-1]).hex())
        else:
            core.alarm(peer, finding.value)

    def _accept(self, peer: str, records: list[Record]) -> None:
        core = self.core
        core.durable.candidates.pop(peer, None)
        core.durable.pins[peer] = records[-1]
        row = core.durable.table.get(peer)
        if row is None:
            row = self._new_row(peer)
        if row is None:
            return
        row.records = {record.epoch: record for record in self._in_use(records)}
        row.fetched_at = core.now
        row.secrets = {at: it for at, it in row.secrets.items() if at[1] in row.records}

    def _in_use(self, records: list[Record]) -> list[Record]:
        """The newest of a chain, and those before it whose grace is not over."""
        grace = self.core.settings.grace // MILLISECOND
        start = len(records) - 1
        while start > 0:
            after = records[start]
            if after.flags & REVOKE_PREV or after.created + grace <= self.core.wall:
                break
            start -= 1
        return records[start:]

    def _new_row(self, peer: str) -> Row | None:
        core = self.core
        table = core.durable.table
        if len(table) >= core.settings.table_capacity:
            free = [other for other in table if other not in self._pinned]
            if not free:
                return None
            del table[min(free, key=lambda other: table[other].used_at)]
        table[peer] = Row({}, core.now, core.now)
        return table[peer]

    def confirm(self, peer: str, accept: bool) -> bool:
        """The user's word about a new identity. Whether there was a question."""
        core = self.core
        records = core.durable.candidates.pop(peer, None)
        if records is None:
            return False
        generation = generation_of(records[-1]).hex()
        core.tell("confirmed", peer=peer, generation=generation, accepted=accept)
        if accept:
            core.durable.table.pop(peer, None)
            self._accept(peer, records)
        else:
            self._refused.add(hash_of(records[-1]))
        return True

"""What a device sends: drafts, from their composition to the report of what became of them.

A draft keeps its octets until the server takes or refuses them. Not here: keys, which the directory
finds, or where approvals come from.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import keys
import wire
from core import MILLISECOND, Core, mid_fact
from directory import Directory
from session import Request, Session
from wire import Error, Header, Mid, StatusReport, Submit

KINDS = {wire.TEXT: "text", wire.APPROVAL_REQUEST: "request", wire.APPROVAL_REPLY: "approval",
         wire.END_TO_END_NACK: "nack", wire.DECLINED: "declined"}
# Numbers of drafts that the device makes by itself; the harness numbers those of its user from 1.
OWN_DRAFTS = 1 << 63


class State(enum.Enum):
    """Where a draft stands."""

    WAITING = "for a key"
    SUBMITTED = "for the server's answer"
    ACCEPTED = "for a report"
    BOUNCED = "for other keys than those that it was sealed with"


@dataclass
class Draft:
    """Something to send. Times in milliseconds of the wall clock."""

    number: int
    to: str
    kind: int
    plain: bytes
    deadline: int | None
    state: State = State.WAITING
    header: Header | None = None
    ciphertext: bytes = b""
    attempt: int = 1
    expires: int = 0
    req: bytes = b""
    since: int = 0
    told: str = ""

    @property
    def mid(self) -> Mid | None:
        return self.header.mid if self.header else None


class Outbox:
    """The drafts of a device, in the order of their composition."""

    def __init__(self, core: Core, session: Session, directory: Directory) -> None:
        self.core = core
        self.session = session
        self.directory = directory
        self._salt = core.luck.octets(4)
        self._requests: dict[int, Request] = {}
        for draft in self._drafts():
            draft.since = 0

    def _drafts(self) -> list[Draft]:
        return list(self.core.durable.drafts.values())

    # Composing.

    def compose(self, to: str, kind: int, plain: bytes, number: int | None = None,
                deadline: int | None = None) -> None:
        """Takes something to send, for the user or, without a number, for the device itself."""
        core, durable = self.core, self.core.durable
        if number is None:
            durable.composed += 1
            number = OWN_DRAFTS + durable.composed
        draft = Draft(number, to, kind, plain, deadline, since=core.step())
        if kind != wire.END_TO_END_NACK:
            core.tell("compose", draft=number, to=to, kind=KINDS[kind],
                      plain=keys.digest(plain).hex(), len=len(plain))
        full = len(durable.drafts) >= core.settings.drafts_max
        if full or to == core.user or len(plain) > wire.TEXT_MAX:
            self._tell(draft, "failed")
        else:
            durable.drafts[number] = draft

    def _tell(self, draft: Draft, status: str) -> None:
        if draft.told != status and draft.kind != wire.END_TO_END_NACK:
            draft.told = status
            self.core.tell("notice", draft=draft.number, mid=mid_fact(draft.mid), status=status)

    def _end(self, draft: Draft, status: str) -> None:
        self._withdraw(draft)
        del self.core.durable.drafts[draft.number]
        self._tell(draft, status)

    def _withdraw(self, draft: Draft) -> None:
        request = self._requests.pop(draft.number, None)
        if request is not None:
            self.session.drop(request)

    # Going on.

    def wanted(self) -> list[str]:
        """Whose keys are missing."""
        asked = self.core.durable.candidates
        return [draft.to for draft in self._drafts() if draft.to not in asked and (
                draft.state is State.WAITING and self.directory.record_to_send(draft.to) is None
                or draft.state is State.BOUNCED and not self._has_looked(draft))]

    def _has_looked(self, draft: Draft) -> bool:
        return self.directory.answered_since(draft.to, draft.since)

    def pinned(self) -> set[str]:
        """Whose rows must stay in the table."""
        return {draft.to for draft in self._drafts() if draft.state is State.WAITING}

    def is_pending(self) -> bool:
        """Whether anything is under way."""
        return bool(self.core.durable.drafts)

    def due(self) -> int | None:
        """When a draft expires that waits for a key."""
        return min((self.core.until_wall(draft.deadline) for draft in self._drafts()
                    if draft.state is State.WAITING and draft.deadline is not None), default=None)

    def settle(self) -> None:
        """Seals and submits what can be."""
        for draft in self._drafts():
            if draft.state is State.WAITING:
                self._try_to_seal(draft)
            elif draft.state is State.BOUNCED and self._has_looked(draft):
                self._decide(draft)
            elif draft.state is State.BOUNCED and self.directory.is_tired(draft.to):
                self._tell(draft, "unsent")
            if draft.state is State.SUBMITTED and draft.number not in self._requests:
                self._submit(draft)

    def _try_to_seal(self, draft: Draft) -> None:
        durable = self.core.durable
        if draft.deadline is not None and draft.deadline <= self.core.wall:
            self._end(draft, "expired")
        elif self.directory.is_unknown_since(draft.to, draft.since):
            self._end(draft, "failed")
        elif self.directory.record_to_send(draft.to) is not None:
            self._seal(draft)
        elif draft.to in durable.candidates:
            self._tell(draft, "needs-confirm")
        elif draft.kind == wire.APPROVAL_REPLY or self.directory.is_tired(draft.to):
            self._tell(draft, "unsent")

    def _decide(self, draft: Draft) -> None:
        """The peer was looked up since the octets were refused: are there other keys to use?"""
        durable, header = self.core.durable, draft.header
        record = self.directory.record_to_send(draft.to)
        if draft.to in durable.candidates:
            self._tell(draft, "needs-confirm")
        elif durable.pending is None and header is not None:
            if record is None or self._ends(draft.to) == (
                    header.epoch_s, header.kid_s, header.epoch_r, header.kid_r):
                self._end(draft, "failed")
            else:
                self._seal(draft)

    def _ends(self, to: str) -> tuple[int, bytes, int, bytes]:
        """The epochs and short key IDs that would be used now."""
        own = self.core.durable.own[self.core.durable.current].record
        record = self.directory.record_to_send(to)
        assert record is not None
        return own.epoch, keys.kid(own.agree)[:8], record.epoch, keys.kid(record.agree)[:8]

    def _seal(self, draft: Draft) -> None:
        core, durable = self.core, self.core.durable
        if draft.header is None:
            durable.seqs[draft.to] = durable.seqs.get(draft.to, 0) + 1
        seq = draft.header.seq if draft.header else durable.seqs[draft.to]
        durable.counters[draft.to] = durable.counters.get(draft.to, 0) + 1
        nonce = self._salt + durable.counters[draft.to].to_bytes(8, "big")
        own, own_kid, theirs, their_kid = self._ends(draft.to)
        draft.header = Header(wire.VERSION, wire.SUITE, draft.kind, core.user, draft.to, own,
                              theirs, own_kid, their_kid, seq, nonce)
        pair = self.directory.secret(draft.to, own, theirs)
        key = keys.direction_key(pair, core.user, draft.to)
        draft.ciphertext = keys.seal(key, nonce, draft.plain, wire.encode(draft.header))
        draft.expires = core.wall + core.settings.ttl // MILLISECOND
        draft.req = core.luck.octets(8)
        draft.state = State.SUBMITTED

    def _submit(self, draft: Draft) -> None:
        submit = Submit(wire.encode(draft.header), draft.ciphertext, draft.attempt, draft.expires)
        self._requests[draft.number] = self.session.ask(
            submit,
            lambda answer: self._accepted(draft, answer),
            lambda error: self._refused(draft, error),
            req=draft.req,
            tired=lambda: self._tell(draft, "unsent"),
            tries_max=self.core.settings.burst,
        )

    # What the server says.

    def _accepted(self, draft: Draft, answer: Any) -> None:
        if isinstance(answer, wire.SubmitAck) and answer.mid == draft.mid:
            self._withdraw(draft)
            draft.state = State.ACCEPTED
            self._tell(draft, "sent")

    def _refused(self, draft: Draft, error: Error) -> None:
        request = self._requests[draft.number]
        if error.code == wire.E_QUEUE_FULL:
            request.tries, request.at = 0, self.core.now + error.arg * MILLISECOND
            self._tell(draft, "unsent")
        elif error.code == wire.E_STALE_EPOCH:
            self._bounce(draft)
        elif error.code == wire.E_SEQ_CONFLICT:
            self._renumber(draft, error.arg)
        else:
            self._end(draft, "expired" if error.code == wire.E_EXPIRED else "failed")

    def _bounce(self, draft: Draft) -> None:
        self._withdraw(draft)
        draft.state = State.BOUNCED
        draft.since = self.core.step()

    def _renumber(self, draft: Draft, least: int) -> None:
        """The number is taken by other octets, from before a restore: the draft becomes another message."""
        self._withdraw(draft)
        seqs = self.core.durable.seqs
        seqs[draft.to] = max(least - 1, seqs[draft.to])
        draft.header, draft.attempt, draft.state = None, 1, State.WAITING

    def report(self, report: StatusReport) -> None:
        """What became of a message; a report about one that is unknown is acknowledged all the same."""
        self.session.say(wire.DeliverAck(report.delivery, report.mid, wire.COMMITTED))
        for draft in self._drafts():
            if draft.mid == report.mid:
                self._reported(draft, report)

    def _reported(self, draft: Draft, report: StatusReport) -> None:
        if report.outcome == wire.DELIVERED:
            self._end(draft, "delivered")
        elif report.outcome == wire.EXPIRED:
            self._end(draft, "expired")
        elif report.attempt == draft.attempt and draft.state in (State.SUBMITTED, State.ACCEPTED):
            draft.attempt += 1
            self._bounce(draft)

"""The frames of PEAD: what each message consists of, as `src/wire/wire.cddl` says it.

Reading is strict: whatever is not exactly one of these messages is `Malformed`. Not here: what a device
does about a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import cbor
from cbor import Item, Malformed

FRAME_MAX = 65_536
TEXT_MAX = 16_384
VERSION = SUITE = 1
ZERO_HASH = bytes(32)

TEXT, APPROVAL_REQUEST, APPROVAL_REPLY, END_TO_END_NACK, DECLINED = range(1, 6)
COMMITTED, DUPLICATE = 1, 2
BUSY, UNKNOWN_EPOCH, STALE_EPOCH, AUTH_FAIL, TOO_OLD = range(1, 6)
DELIVERED, EXPIRED, BOUNCED = 1, 2, 3

# Error codes that a device treats in a way of their own.
E_UNKNOWN_USER, E_BAD_TICKET, E_EXPIRED, E_QUEUE_FULL, E_SEQ_CONFLICT = 4, 5, 6, 7, 8
E_STALE_EPOCH, E_EPOCH_CONFLICT, E_IN_GRACE = 10, 11, 13
E_BAD_SIG, E_STALE_CHALLENGE = 14, 15
LAST_ERROR = 16


class Ticket(NamedTuple):
    user: str
    generation: bytes
    expires: int
    mac: bytes


class Mid(NamedTuple):
    sender: str
    receiver: str
    seq: int


class Header(NamedTuple):
    version: int
    suite: int
    type: int
    sender: str
    receiver: str
    epoch_s: int
    epoch_r: int
    kid_s: bytes
    kid_r: bytes
    seq: int
    nonce: bytes

    @property
    def mid(self) -> Mid:
        return Mid(self.sender, self.receiver, self.seq)


class Record(NamedTuple):
    user: str
    generation: bytes
    epoch: int
    flags: int
    agree: bytes
    sig: bytes
    created: int
    not_after: int
    prev_hash: bytes
    sig_prev: bytes
    sig_self: bytes


class LookupKey(NamedTuple):
    user: str
    want: int
    have: bytes | None


class KeyReply(NamedTuple):
    records: list[Record]
    more: int


class Submit(NamedTuple):
    header: bytes
    ciphertext: bytes
    attempt: int
    expires: int


class SubmitAck(NamedTuple):
    mid: Mid
    duplicate: int


class Poll(NamedTuple):
    max: int
    cursor: int


class Deliver(NamedTuple):
    delivery: int
    header: bytes
    ciphertext: bytes
    queued_at: int


class PollEnd(NamedTuple):
    total: int
    more: int


class DeliverAck(NamedTuple):
    delivery: int
    mid: Mid
    outcome: int


class DeliverNack(NamedTuple):
    delivery: int
    mid: Mid
    code: int
    retry_after: int


class RotateKey(NamedTuple):
    record: Record
    pop_agree: bytes


class RotateAck(NamedTuple):
    record_hash: bytes


class KeyChanged(NamedTuple):
    user: str
    epoch: int
    record_hash: bytes


class StatusReport(NamedTuple):
    delivery: int
    mid: Mid
    attempt: int
    outcome: int
    code: int | None


class Error(NamedTuple):
    code: int
    arg: int
    about: bytes


class Hello(NamedTuple):
    user: str
    versions: list[int]
    suites: list[int]


class Challenge(NamedTuple):
    server: str
    nonce_s: bytes
    time: int


class Attach(NamedTuple):
    user: str
    sig_epoch: int
    nonce_d: bytes
    sig: bytes


class Attached(NamedTuple):
    ticket: Ticket


class Request(NamedTuple):
    """The body of a request for approval."""

    txn: bytes
    requester: str
    lines: list[str]
    amount: int | None
    currency: str | None
    payee: str | None
    created: int
    expires: int
    req_nonce: bytes


class Envelope(NamedTuple):
    type: int
    req: bytes
    ticket: Ticket | None
    body: Any

    def encode(self) -> bytes:
        return cbor.encode([VERSION, self.type, self.req, _plain(self.ticket), _plain(self.body)])


Check = Callable[[Item], Any]


def _number(least: int = 0, most: int = 2**64 - 1) -> Check:
    def check(item: Item) -> int:
        if not isinstance(item, int) or not least <= item <= most:
            raise Malformed(f"{item!r} is no number from {least} to {most}")
        return item
    return check


def _octets(*sizes: int) -> Check:
    def check(item: Item) -> bytes:
        if not isinstance(item, bytes) or (sizes and len(item) not in sizes):
            raise Malformed(f"{item!r} is no string of {sizes} octets")
        return item
    return check


def _text(item: Item) -> str:
    if not isinstance(item, str):
        raise Malformed(f"{item!r} is no text")
    return item


def _user(item: Item) -> str:
    if not re.fullmatch(r"[a-z0-9._-]{1,64}", _text(item)):
        raise Malformed(f"{item!r} is no user ID")
    return _text(item)


def _or_null(check: Check) -> Check:
    return lambda item: None if item is None else check(item)


def _list(check: Check, most: int) -> Check:
    def check_list(item: Item) -> list[Any]:
        if not isinstance(item, list) or len(item) > most:
            raise Malformed(f"no list of at most {most} items")
        return [check(it) for it in item]
    return check_list


def _array(kind: Callable[..., Any], *checks: Check) -> Check:
    def check(item: Item) -> Any:
        if not isinstance(item, list) or len(item) != len(checks):
            raise Malformed(f"no array of {len(checks)} items")
        return kind(*(one(it) for one, it in zip(checks, item, strict=True)))
    return check


_UINT, _FLAG, _EPOCH, _HASH = _number(), _number(0, 1), _number(1), _octets(32)
_MID = _array(Mid, _user, _user, _UINT)
_TICKET = _array(Ticket, _user, _HASH, _UINT, _octets(16))
_HEADER = _array(Header, _number(1, 1), _number(1, 1), _number(1, 5), _user, _user, _EPOCH, _EPOCH,
                 _octets(8), _octets(8), _UINT, _octets(12))
_RECORD = _array(Record, _user, _HASH, _EPOCH, _FLAG, _octets(65), _octets(65), _UINT, _UINT, _HASH,
                 _octets(0, 64), _octets(64))
_REQUEST = _array(Request, _octets(16), _user, _list(_text, TEXT_MAX), _or_null(_UINT),
                  _or_null(_text), _or_null(_text), _UINT, _UINT, _octets(16))
_NACK_BODY = _array(lambda mid, code: (mid, code), _MID, _number(1, 5))


def _report(delivery: int, mid: Mid, attempt: int, outcome: int, code: int | None) -> StatusReport:
    if (outcome == BOUNCED) != (code is not None):
        raise Malformed("a report has a code if, and only if, the message bounced")
    return StatusReport(delivery, mid, attempt, outcome, code)


def _body(kind: type, *checks: Check, make: Callable[..., Any] | None = None) -> tuple[type, Check]:
    return kind, _array(make or kind, *checks)


_BODIES: dict[int, tuple[type, Check]] = {
    3: _body(LookupKey, _user, _UINT, _or_null(_HASH)),
    4: _body(KeyReply, _list(_RECORD, 64), _FLAG),
    5: _body(Submit, _octets(), _octets(), _UINT, _UINT),
    6: _body(SubmitAck, _MID, _FLAG),
    7: _body(Poll, _UINT, _UINT),
    8: _body(Deliver, _UINT, _octets(), _octets(), _UINT),
    9: _body(PollEnd, _UINT, _FLAG),
    10: _body(DeliverAck, _UINT, _MID, _number(1, 2)),
    11: _body(DeliverNack, _UINT, _MID, _number(1, 5), _UINT),
    12: _body(RotateKey, _RECORD, _octets(64)),
    13: _body(RotateAck, _HASH),
    14: _body(KeyChanged, _user, _EPOCH, _HASH),
    15: _body(StatusReport, _UINT, _MID, _UINT, _number(1, 3), _or_null(_number(1, 5)),
              make=_report),
    16: _body(Error, _number(1, LAST_ERROR), _UINT, _HASH),
    17: _body(Hello, _user, _list(_UINT, 16), _list(_UINT, 16)),
    18: _body(Challenge, _user, _HASH, _UINT),
    19: _body(Attach, _user, _EPOCH, _HASH, _octets(64)),
    20: _body(Attached, _TICKET),
}
_NUMBERS = {kind: number for number, (kind, _) in _BODIES.items()}


def number_of(body: Any) -> int:
    """The type of the message that this is."""
    return _NUMBERS[type(body)]


def decode(octets: bytes) -> Envelope:
    """The frame that these octets are. Raises `Malformed`."""
    if len(octets) > FRAME_MAX:
        raise Malformed("a frame is too long")
    number, req, ticket, body = _array(
        lambda _, *rest: rest, _number(1, 1), _number(1, 20), _octets(8), _or_null(_TICKET),
        lambda it: it)(cbor.decode(octets))
    if number not in _BODIES:
        raise Malformed("a message for servers")
    return Envelope(number, req, ticket, _BODIES[number][1](body))


def decode_header(octets: bytes) -> Header:
    """The header that these octets are. Raises `Malformed`."""
    header: Header = _HEADER(cbor.decode(octets))
    return header


def decode_record(octets: bytes) -> Record:
    """The key record that these octets are. Raises `Malformed`."""
    record: Record = _RECORD(cbor.decode(octets))
    return record


def decode_request(octets: bytes) -> Request:
    """The request for approval that these octets are. Raises `Malformed`."""
    request: Request = _REQUEST(cbor.decode(octets))
    return request


def decode_nack(octets: bytes) -> tuple[Mid, int]:
    """The end-to-end nack that these octets are. Raises `Malformed`."""
    nack: tuple[Mid, int] = _NACK_BODY(cbor.decode(octets))
    return nack


def encode(it: Any) -> bytes:
    """The encoding of a header, a record, a request or a message's body."""
    return cbor.encode(_plain(it))


def _plain(it: Any) -> Item:
    item: Item = [_plain(part) for part in it] if isinstance(it, (tuple, list)) else it
    return item

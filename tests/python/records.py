"""Key records: how one is made, and what a set of them proves (protocol, sections 3.5 and 4.3).

Not here: where records come from, or what is done about one that proves nothing.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import cbor
import keys
import wire
from wire import ZERO_HASH, Record

REVOKE_PREV = 1


class KeyPairs(NamedTuple):
    """The private keys of one epoch."""

    agree: bytes
    sign: bytes


class Finding(enum.Enum):
    """What a key reply is worth; the values are the words of alarms."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    INVALID_KEY = "invalid-key"
    ROLLBACK = "rollback"
    BROKEN_CHAIN = "broken-chain"
    NEW_IDENTITY = "new-identity"


def hash_of(record: Record) -> bytes:
    """The hash by which the next record names this one."""
    return keys.digest(wire.encode(record))


def generation_of(record: Record) -> bytes:
    """The hash of the first record of the same identity."""
    return hash_of(record) if record.generation == ZERO_HASH else record.generation


def _signed(record: Record) -> bytes:
    return cbor.encode(["PEAD-v1 record", *record[:9]])


def make(user: str, pairs: KeyPairs, now: int, life: int, before: tuple[Record, KeyPairs] | None,
         revoke: bool = False) -> Record:
    """The record of these keys; `before` is the one that it follows, with its keys. Times in ms."""
    record = Record(
        user,
        generation_of(before[0]) if before else ZERO_HASH,
        before[0].epoch + 1 if before else 1,
        REVOKE_PREV if revoke else 0,
        keys.public(pairs.agree),
        keys.public(pairs.sign),
        now,
        now + life,
        hash_of(before[0]) if before else ZERO_HASH,
        b"",
        b"",
    )
    octets = _signed(record)
    return record._replace(sig_prev=keys.sign(before[1].sign, octets) if before else b"",
                           sig_self=keys.sign(pairs.sign, octets))


def possession(record: Record, pairs: KeyPairs) -> bytes:
    """The proof that the agreement key is held."""
    return keys.sign(pairs.agree, cbor.encode(["PEAD-v1 pop", hash_of(record)]))


def _is_sound(record: Record) -> bool:
    """Whether a record holds by itself."""
    if (record.epoch == 1) != (record.generation == ZERO_HASH == record.prev_hash):
        return False
    if (record.epoch == 1) != (record.sig_prev == b""):
        return False
    return keys.verifies(record.sig, _signed(record), record.sig_self)


def _follows(record: Record, before: Record) -> bool:
    """Whether one record is the other's authorized successor."""
    return (record.epoch == before.epoch + 1
            and generation_of(record) == generation_of(before)
            and record.prev_hash == hash_of(before)
            and keys.verifies(before.sig, _signed(record), record.sig_prev))


def judge(peer: str, offered: list[Record], pinned: Record | None) -> tuple[Finding, list[Record]]:
    """What the records in a reply about this peer prove, and those that may be used, oldest first.

    The newest is proved by the pinned record, the older ones by the newest; without a pin the newest
    is taken on trust.
    """
    chain = sorted(offered, key=lambda record: record.epoch)
    if not chain or any(record.user != peer for record in chain):
        return Finding.IGNORED, []
    if not all(keys.is_point(it.agree) and keys.is_point(it.sig) for it in chain):
        return Finding.INVALID_KEY, []
    if not all(map(_is_sound, chain)):
        return Finding.IGNORED, []
    newest = chain[-1]
    proved = [newest]
    for record in reversed(chain[:-1]):
        if not _follows(proved[0], record):
            break
        proved.insert(0, record)
    if pinned is None or any(hash_of(record) == hash_of(pinned) for record in proved):
        return Finding.ACCEPTED, proved
    if generation_of(newest) != generation_of(pinned):
        return Finding.NEW_IDENTITY, proved
    if newest.epoch < pinned.epoch:
        return Finding.ROLLBACK, []
    if _follows(proved[0], pinned):
        return Finding.ACCEPTED, proved
    return Finding.BROKEN_CHAIN, proved

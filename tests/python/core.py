"""What all parts of a device share: settings, clock, luck, durable state, and the way out.

Not here: any rule of the protocol.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from records import KeyPairs
from wire import Mid, Record

MILLISECOND = 1_000_000
Emit = Callable[[str, Any], None]


class Settings:
    """What a device is told of itself: times in nanoseconds by the names of `params` without `_us`."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._values = params

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        micros = self._values[name + "_us"]
        return micros if micros is None else micros * 1_000


@dataclass
class OwnKey:
    """A key pair of the device with its record."""

    pairs: KeyPairs
    record: Record
    retired_at: int | None = None


@dataclass
class Row:
    """An entry of the table: the peer's records, and the secrets by (own epoch, peer's epoch)."""

    records: dict[int, Record]
    fetched_at: int
    used_at: int
    secrets: dict[tuple[int, int], bytes] = field(default_factory=dict)


@dataclass
class Window:
    """What has come of one identity of a sender: numbers seen, and what waits for its turn."""

    highest: int = 0
    seen: set[int] = field(default_factory=set)
    next: int = 1
    held: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)


@dataclass
class Durable:
    """What survives a loss of power."""

    own: dict[int, OwnKey]
    current: int
    pending: int | None = None
    pins: dict[str, Record] = field(default_factory=dict)
    candidates: dict[str, list[Record]] = field(default_factory=dict)
    table: dict[str, Row] = field(default_factory=dict)
    drafts: dict[int, Any] = field(default_factory=dict)
    composed: int = 0
    seqs: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    windows: dict[tuple[str, bytes], Window] = field(default_factory=dict)
    nacked: set[Mid] = field(default_factory=set)
    answers: dict[bytes, bytes] = field(default_factory=dict)
    approvals: int = 0


class Luck:
    """Randomness that is a function of a seed, the device, the start, and the number of the draw."""

    def __init__(self, seed: int, device: int) -> None:
        self._key = hashlib.sha256(f"pead {seed} {device}".encode()).digest()
        self.boot = 0
        self._drawn = 0

    def start(self) -> None:
        """Power comes on."""
        self.boot += 1
        self._drawn = 0

    def octets(self, count: int) -> bytes:
        """Random octets, at most 64."""
        self._drawn += 1
        label = f"{self.boot} {self._drawn}".encode()
        return hmac.digest(self._key, label, "sha512")[:count]

    def jitter(self, span: int) -> int:
        """A span of time, longer or shorter by at most a fifth."""
        fifth = span // 5
        return span - fifth + int.from_bytes(self.octets(8), "big") % (2 * fifth + 1)


class Core:
    """The ground that the parts of a device stand on."""

    def __init__(self, user: str, settings: Settings, luck: Luck, durable: Durable,
                 emit: Emit) -> None:
        self.user = user
        self.settings = settings
        self.luck = luck
        self.durable = durable
        self.now = 0
        self.wall = 0
        self._emit = emit
        self._step = 0

    def step(self) -> int:
        """A number that grows: tells what came before what."""
        self._step += 1
        return self._step

    def until_wall(self, wall: int) -> int:
        """The time at which the wall clock will show this, as it goes now."""
        return self.now + max(wall - self.wall, 0) * MILLISECOND

    def send(self, octets: bytes) -> None:
        """A frame leaves."""
        self._emit("net.send", {"octets": octets.hex()})

    def tell(self, word: str, **what: Any) -> None:
        """The user sees something, or does."""
        self._emit("fact", {word: what})

    def alarm(self, peer: str | None, what: str) -> None:
        """The user is warned."""
        self.tell("alarm", peer=peer, what=what)


def mid_fact(mid: Mid | None) -> dict[str, Any] | None:
    """A message's name as facts write it."""
    return None if mid is None else mid._asdict()

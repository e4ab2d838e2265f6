"""What a device receives: from the frame to the display, each message once and in its sender's order.

Not here: keys, which the directory finds, or what is done about requests for approval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cbor
import keys
import wire
from core import Core, Window
from directory import Directory
from records import generation_of
from session import Session
from wire import Deliver, DeliverAck, DeliverNack, Header, Mid

WINDOW = 1024
HOUR_MS = 3_600_000
NO_ROOM_MS = 30_000


@dataclass
class Letter:
    """A message that is not open yet."""

    delivery: int
    header: Header
    octets: bytes
    ciphertext: bytes
    arrived: int


Present = Callable[[Mid, int, bytes], None]


class Inbox:
    """Windows and what is held back are durable; letters that wait for a key the server offers again."""

    def __init__(self, core: Core, session: Session, directory: Directory, present: Present,
                 complain: Callable[[Mid], None], beyond: Callable[[], None]) -> None:
        self.core = core
        self.session = session
        self.directory = directory
        self._present = present
        self._complain = complain
        self._beyond = beyond
        self._letters: list[Letter] = []
        self._hopeless: dict[tuple[str, int], int] = {}

    def deliver(self, deliver: Deliver) -> None:
        """A message arrives."""
        try:
            header = wire.decode_header(deliver.header)
        except cbor.Malformed:
            return
        if header.receiver != self.core.user or header.sender == self.core.user:
            return
        letter = Letter(deliver.delivery, header, deliver.header, deliver.ciphertext,
                        self.core.step())
        for waiting in self._letters:
            if (waiting.octets, waiting.ciphertext) == (letter.octets, letter.ciphertext):
                waiting.delivery = letter.delivery
                return
        if len(self._letters) >= self.core.settings.pending_max:
            self._nack(letter, wire.BUSY, NO_ROOM_MS)
        else:
            self._letters.append(letter)

    def wanted(self) -> list[str]:
        """Whose keys are missing."""
        return [letter.header.sender for letter in self._letters]

    def pinned(self) -> set[str]:
        """Whose rows must stay in the table."""
        holding = {at[0] for at, window in self.core.durable.windows.items() if window.held}
        return holding.union(self.wanted())

    def is_pending(self) -> bool:
        """Whether anything is under way."""
        return bool(self._letters) or any(it.held for it in self.core.durable.windows.values())

    def due(self) -> int | None:
        """When the next gap is given up."""
        windows = self.core.durable.windows.values()
        return min((self._patience(window) for window in windows if window.held), default=None)

    def settle(self) -> None:
        """Opens what can be opened, and shows what can be shown."""
        self._letters = [letter for letter in self._letters if not self._is_done(letter)]
        for (sender, _), window in self.core.durable.windows.items():
            self._show(sender, window)

    def _is_done(self, letter: Letter) -> bool:
        """Whether the letter is dealt with; if not, it waits for a lookup."""
        core, header = self.core, letter.header
        sender, epoch = header.sender, header.epoch_s
        own = core.durable.own.get(header.epoch_r)
        if own is None or keys.kid(own.record.agree)[:8] != header.kid_r:
            if header.epoch_r <= max(core.durable.own):
                return self._nack(letter, wire.STALE_EPOCH)
            self._beyond()
            return self._nack(letter, wire.UNKNOWN_EPOCH)
        record = self.directory.record(sender, epoch)
        if record is not None and keys.kid(record.agree)[:8] == header.kid_s:
            return self._open(letter)
        if sender in core.durable.candidates:
            return self._nack(letter, wire.BUSY, HOUR_MS)
        if self.directory.is_unknown(sender):
            return self._nack(letter, wire.UNKNOWN_EPOCH)
        if self._hopeless.get((sender, epoch), 0) > core.now:
            return self._nack(letter, wire.UNKNOWN_EPOCH)
        if not self.directory.answered_since(sender, letter.arrived):
            return False
        pin = self.directory.pin(sender)
        if record is not None:
            return self._nack(letter, wire.AUTH_FAIL)
        if pin is not None and epoch > pin.epoch:
            self._hopeless[sender, epoch] = core.now + core.settings.negative
            return self._nack(letter, wire.UNKNOWN_EPOCH)
        return self._nack(letter, wire.STALE_EPOCH)

    def _nack(self, letter: Letter, code: int, retry_after: int = 0) -> bool:
        header, nacked = letter.header, self.core.durable.nacked
        self.session.say(DeliverNack(letter.delivery, header.mid, code, retry_after))
        told = header.mid in nacked or header.type == wire.END_TO_END_NACK
        if code == wire.STALE_EPOCH and not told:
            nacked.add(header.mid)
            self._complain(header.mid)
        return True

    def _ack(self, letter: Letter, outcome: int) -> bool:
        self.session.say(DeliverAck(letter.delivery, letter.header.mid, outcome))
        return True

    def _open(self, letter: Letter) -> bool:
        core, header = self.core, letter.header
        pair = self.directory.secret(header.sender, header.epoch_r, header.epoch_s)
        key = keys.direction_key(pair, header.sender, core.user)
        plain = keys.unseal(key, header.nonce, letter.ciphertext, letter.octets)
        if plain is None:
            return self._nack(letter, wire.AUTH_FAIL)
        window = self._window(header.sender)
        if header.seq in window.seen:
            return self._ack(letter, wire.DUPLICATE)
        if header.seq + WINDOW <= window.highest:
            return self._nack(letter, wire.TOO_OLD)
        window.highest = max(window.highest, header.seq)
        window.seen.add(header.seq)
        window.seen = {seq for seq in window.seen if seq + WINDOW > window.highest}
        window.held[header.seq] = (header.type, plain, core.now)
        return self._ack(letter, wire.COMMITTED)

    def _window(self, sender: str) -> Window:
        pin = self.directory.pin(sender)
        assert pin is not None
        return self.core.durable.windows.setdefault((sender, generation_of(pin)), Window())

    def _patience(self, window: Window) -> int:
        """When what is next to be shown is shown, whatever is missing before it."""
        gap: int = self.core.settings.gap
        return window.held[min(window.held)][2] + gap

    def _show(self, sender: str, window: Window) -> None:
        """Shows what is next, what is late, and what has waited long enough for what is missing."""
        while window.held:
            seq = min(window.held)
            if seq > window.next and self._patience(window) > self.core.now:
                return
            kind, plain, _ = window.held.pop(seq)
            self._show_one(Mid(sender, self.core.user, seq), kind, plain, window)
            window.next = max(window.next, seq + 1)

    def _show_one(self, mid: Mid, kind: int, plain: bytes, window: Window) -> None:
        if kind != wire.TEXT:
            self._present(mid, kind, plain)
            return
        try:
            text = plain.decode()
        except UnicodeDecodeError:
            return
        late, missing = mid.seq < window.next, max(mid.seq - window.next, 0)
        self.core.tell("display", mid=mid._asdict(), kind="text", plain=keys.digest(plain).hex(),
                       text=text, late=late, missing=missing)

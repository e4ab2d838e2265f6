"""The session with the server: attaching, requests with their repetitions, and polling.

Not here: what is asked for, and what the answers mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor
import keys
import wire
from cbor import Item
from core import MILLISECOND, Core
from wire import Envelope, Error, Ticket

POLL_MAX = 64
DOUBLINGS_MAX = 16


@dataclass(eq=False)
class Request:
    """Something asked of the server that is repeated, unchanged, until it is answered."""

    body: Any
    req: bytes
    answered: Callable[[Any], None]
    refused: Callable[[Error], None]
    tired: Callable[[], None] = lambda: None
    tries_max: int | None = None
    even: int | None = None
    open: bool = False
    at: int = 0
    tries: int = 0
    asked_at: int | None = None
    ticket: Ticket | None = None

    def about(self, error: Error) -> bool:
        """Whether the server refuses these very octets."""
        number = wire.number_of(self.body)
        bound: Item = ["PEAD-v1 error", number, wire.encode(self.body), error.code, error.arg]
        return error.about == keys.digest(cbor.encode(bound))


class Session:
    """One device's standing with its server. Not attached until the server, or the harness, says so."""

    def __init__(self, core: Core, ticket: Ticket | None, attached: Callable[[], None]) -> None:
        self.core = core
        self._tell_attached = attached
        self.ticket = ticket
        self.requests: dict[bytes, Request] = {}
        self._expires_at = core.until_wall(ticket.expires) if ticket else 0
        self._alarmed = False
        self._poll_at: int | None = None if core.settings.poll is None else core.now
        self._polling: Request | None = None
        self._attach_pending = False

    def ask(self, body: Any, answered: Callable[[Any], None], refused: Callable[[Error], None],
            req: bytes | None = None, **more: Any) -> Request:
        """Asks the server; the first copy leaves at once if the device is attached."""
        request = Request(body, req or self.core.luck.octets(8), answered, refused, **more)
        request.at = self.core.now
        self.requests[request.req] = request
        return request

    def drop(self, request: Request) -> None:
        """Asks no more."""
        self.requests.pop(request.req, None)

    def say(self, body: Any) -> None:
        """Sends what has no answer."""
        envelope = Envelope(wire.number_of(body), self.core.luck.octets(8), self.ticket, body)
        self.core.send(envelope.encode())

    def hear(self, envelope: Envelope) -> None:
        """An answer, if it is one to something asked."""
        request = self.requests.get(envelope.req)
        if request is None:
            return
        if not isinstance(envelope.body, Error):
            request.answered(envelope.body)
        elif request.about(envelope.body):
            if envelope.body.code != wire.E_BAD_TICKET:
                request.refused(envelope.body)
            elif request.ticket == self.ticket:
                self.detach()

    def detach(self) -> None:
        """The ticket is no good any more."""
        self.ticket = None

    def poll(self) -> None:
        """Looks for mail, unless an answer to that is still to come."""
        core = self.core
        period = core.settings.poll
        self._poll_at = None if period is None else core.now + period
        if self._polling is None:
            self._polling = self.ask(wire.Poll(POLL_MAX, 0), self._polled, lambda _: None)

    def _polled(self, answer: Any) -> None:
        if not isinstance(answer, wire.PollEnd) or self._polling is None:
            return
        self.drop(self._polling)
        self._polling = None
        if answer.more:
            self.poll()

    def due(self) -> int | None:
        """When there is something to do."""
        times = [request.at for request in self.requests.values() if self.ticket or request.open]
        if self.ticket:
            times.append(self._expires_at)
            times += [] if self._poll_at is None else [self._poll_at]
        return min(times, default=None)

    def settle(self) -> None:
        """Does what is due."""
        core = self.core
        if self.ticket and core.now >= self._expires_at:
            self.detach()
        if self.ticket is None and not any(request.open for request in self.requests.values()):
            self._greet(0)
        if self.ticket and self._poll_at is not None and self._poll_at <= core.now:
            self.poll()
        for request in list(self.requests.values()):
            if request.at <= core.now and (self.ticket or request.open):
                self._repeat(request)

    def _repeat(self, request: Request) -> None:
        core = self.core
        if request.tries == request.tries_max:
            request.tries = 0
            request.at = core.now + core.settings.negative
            request.tired()
            return
        if request.asked_at is None:
            request.asked_at = core.step()
        wait = request.even or min(core.settings.rto << min(request.tries, DOUBLINGS_MAX),
                                   core.settings.rto_max)
        request.tries += 1
        request.at = core.now + core.luck.jitter(wait)
        request.ticket = None if request.open else self.ticket
        number = wire.number_of(request.body)
        core.send(Envelope(number, request.req, request.ticket, request.body).encode())

    def _greet(self, wait: int) -> None:
        hello = wire.Hello(self.core.user, [wire.VERSION], [wire.SUITE])
        request = self.ask(hello, lambda answer: self._challenged(request, answer),
                           self._no_session, open=True)
        request.at += wait

    def _no_session(self, error: Error) -> None:
        """The server does not know the user, or not under this key: only the user can help."""
        word = {wire.E_UNKNOWN_USER: "not-registered", wire.E_STALE_EPOCH: "own-record",
                wire.E_BAD_SIG: "own-record"}.get(error.code)
        if word is not None and not self._alarmed:
            self._alarmed = True
            self.core.alarm(None, word)

    def _challenged(self, hello: Request, challenge: Any) -> None:
        if not isinstance(challenge, wire.Challenge):
            return
        self.drop(hello)
        core, own = self.core, self.core.durable
        pending = own.pending if self._attach_pending else None
        epoch, nonce = pending or own.current, core.luck.octets(32)
        signed: Item = ["PEAD-v1 attach", challenge.server, core.user, epoch, challenge.nonce_s,
                        nonce]
        sig = keys.sign(own.own[epoch].pairs.sign, cbor.encode(signed))

        def refused(error: Error) -> None:
            self.drop(request)
            if error.code == wire.E_STALE_EPOCH and own.pending is not None:
                self._attach_pending = not self._attach_pending
                self._greet(0)
            else:
                self._no_session(error)
                stale = error.code == wire.E_STALE_CHALLENGE
                self._greet(0 if stale else core.luck.jitter(core.settings.rto_max))

        def answered(answer: Any) -> None:
            if isinstance(answer, wire.Attached):
                self.drop(request)
                self._attached(answer.ticket, answer.ticket.expires - challenge.time)

        request = self.ask(wire.Attach(core.user, epoch, nonce, sig), answered, refused, open=True)

    def _attached(self, ticket: Ticket, life: int) -> None:
        """A session begins; its end is reckoned by the server's clock, which may not be the device's."""
        self.ticket = ticket
        self._alarmed = False
        self._expires_at = self.core.now + life * MILLISECOND
        for request in self.requests.values():
            request.tries, request.at = 0, self.core.now
        self._tell_attached()
        if self._polling is None:
            self.poll()

"""A PEAD in Python, attached to the harness by lines of JSON on its standard streams.

This is the adapter: it reads requests, lets them happen to the device, and writes events and replies.
`src/conformance/attach.md` is what it follows. Not here: what the device does (`device`).
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import cbor
import wire
from core import Core, Durable, Luck, OwnKey, Settings
from device import Device
from records import KeyPairs
from wire import Ticket

VERSION = 1
CAN = {"approve", "compose", "send", "scroll", "poll", "push", "rotate", "revoke", "refresh",
       "confirm", "durable_table", "prompt_events", "early_press", "sync", "mediated", "reset",
       "snapshot", "power_cut", "virtual_clock", "clock_set", "rng_seed", "known_keys"}
CANNOT = {"request", "generate", "download", "register", "wipe", "native", "power_cycle",
          "store_faults", "kat", "facts", "state"}
# What happens then is due to time alone.
PASSING = {"clock.advance", "sync"}
# These are no occasion to say something.
QUIET = {"power.cut", "snapshot", "restore"}
Params = dict[str, Any]


class Refusal(Exception):
    """Why a request is not carried out; it did not happen, and will not."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Adapter:
    """One device after another, and the line to the harness."""

    def __init__(self, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._events = 0
        self._cause: int | None = None
        self._core: Core | None = None
        self._device: Device | None = None
        self._copies: dict[str, tuple[Durable, int]] = {}

    def serve(self, lines: Iterator[str]) -> None:
        """Answers requests until there are no more, or the session is over."""
        for line in lines:
            request = json.loads(line)
            reply: dict[str, Any] = {"v": VERSION, "re": request["id"]}
            try:
                reply["ok"] = self._carry_out(request["m"], request["id"], request.get("p", {}))
            except Refusal as refusal:
                reply["err"] = {"code": refusal.code, "definite": True, "text": str(refusal)}
            self._write(reply)
            if request["m"] == "shutdown":
                return

    def _carry_out(self, method: str, number: int, params: Params) -> Any:
        match method:
            case "hello":
                return self._hello(params)
            case "provision":
                return self._provision(params)
            case "ping" | "shutdown":
                return {}
        happen = {
            "power.on": self._power_on,
            "power.cut": self._power_cut,
            "net.deliver": self._deliver,
            "user.act": self._act,
            "clock.advance": lambda _: None,
            "sync": lambda _: None,
            "snapshot": self._snapshot,
            "restore": self._restore,
        }.get(method)
        if happen is None:
            raise Refusal("unimplemented", f"no method is called {method}")
        if self._core is None:
            raise Refusal("wrong_state", "there is no device yet")
        return self._settled(method, happen, number, params)

    def _settled(self, method: str, happen: Callable[[Params], None], number: int,
                 params: Params) -> Any:
        core = self._running()
        self._advance(params["now_ns"], params["wall_ms"])
        self._cause = None if method in PASSING else number
        try:
            happen(params)
            if self._device is not None and method not in QUIET:
                self._device.settle()
        finally:
            self._cause = None
        device = self._device
        return {"seq": self._events, "next_ns": device.due() if device else None,
                "pending": device.is_pending() if device else core.durable.pending is not None
                or bool(core.durable.drafts)}

    def _running(self) -> Core:
        assert self._core is not None
        return self._core

    def _advance(self, now: int, wall: int) -> None:
        """Lets everything happen that is due by then, at its time."""
        core = self._running()
        ahead = core.wall * 1_000_000 - core.now
        while self._device and (due := self._device.due()) is not None and due < now:
            core.now = max(due, core.now)
            core.wall = (core.now + ahead) // 1_000_000
            self._device.settle()
        core.now, core.wall = now, wall

    def _emit(self, event: str, what: Any) -> None:
        self._events += 1
        at = self._running().now
        line = {"v": VERSION, "ev": event, "p": what, "seq": self._events, "at_ns": at}
        if self._cause is not None:
            line["of"] = self._cause
        self._write(line)

    # The methods.

    def _hello(self, params: Params) -> Any:
        least, most = params["proto"]
        if not least <= VERSION <= most:
            raise Refusal("bad_request", f"this device speaks version {VERSION}")
        return {
            "proto": VERSION,
            "product": {"vendor": "peadsim", "model": "PEAD in Python", "version": "1"},
            "capabilities": {name: name in CAN for name in sorted(CAN | CANNOT)},
        }

    def _provision(self, params: Params) -> Any:
        start = params["start"]
        if params["suite"] != "p256" or start["state"] != "registered":
            raise Refusal("unsupported_capability", "this device has p256 and starts registered")
        pairs = KeyPairs(*(bytes.fromhex(start["keys"][half]) for half in ("agree", "sign")))
        try:
            record = wire.decode_record(bytes.fromhex(start["record"]))
        except cbor.Malformed as error:
            raise Refusal("bad_request", str(error)) from error
        durable = Durable({record.epoch: OwnKey(pairs, record)}, record.epoch)
        luck = Luck(params["rng"]["seed"], params["rng"]["device"])
        self._core = Core(params["user"], Settings(params["params"]), luck, durable, self._emit)
        self._device = None
        self._copies.clear()
        return {}

    def _power_on(self, params: Params) -> None:
        if self._device is not None:
            return
        core, ticket = self._running(), params["ticket"]
        core.luck.start()
        if ticket is not None:
            ticket = Ticket(ticket["user"], bytes.fromhex(ticket["generation"]), ticket["expires"],
                            bytes.fromhex(ticket["mac"]))
        core.tell("power-on", boot=core.luck.boot)
        self._device = Device(core, ticket)

    def _power_cut(self, _: Params) -> None:
        self._device = None

    def _running_device(self) -> Device:
        if self._device is None:
            raise Refusal("wrong_state", "power is off")
        return self._device

    def _deliver(self, params: Params) -> None:
        self._running_device().hear(bytes.fromhex(params["octets"]))

    def _act(self, params: Params) -> None:
        if not self._running_device().act(params["act"], params):
            raise Refusal("unsupported_capability", f"this device cannot {params['act']}")

    def _snapshot(self, params: Params) -> None:
        core = self._running()
        self._copies[params["name"]] = copy.deepcopy(core.durable), core.luck.boot

    def _restore(self, params: Params) -> None:
        core = self._running()
        if params["name"] not in self._copies:
            raise Refusal("bad_request", f"no snapshot is called {params['name']}")
        durable, boot = self._copies[params["name"]]
        core.durable = copy.deepcopy(durable)
        if params.get("rng"):
            core.luck.boot = max(boot - 1, 0)


def main() -> None:
    """Serves the standard streams."""
    def write(message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
        if "ev" not in message:
            sys.stdout.flush()

    Adapter(write).serve(iter(sys.stdin.readline, ""))


if __name__ == "__main__":
    main()

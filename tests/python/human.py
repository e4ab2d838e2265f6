"""The device of `pead.py` at a Unix socket, its buttons pressed by the person at this terminal.

    venv/bin/python tests/python/human.py rig.sock
    peadsim conform --unix rig.sock --patience 70s --suite p256 scenarios

It serves one connection. Not here: a device that feels its own buttons.
"""

from __future__ import annotations

import json
import select
import socket
import sys
from typing import Any

import pead

WITHIN_S = 60


class Attended(pead.Adapter):
    """Asks for each press, and reports it when it is done."""

    def _act(self, params: dict[str, Any]) -> None:
        if params["act"] == "press":
            print(f"press {params['button']} on the device, then Enter", flush=True)
            if not select.select([sys.stdin], [], [], WITHIN_S)[0] or not sys.stdin.readline():
                raise pead.Refusal("busy", f"nobody pressed within {WITHIN_S} s")
        super()._act(params)


def main() -> None:
    """Waits for the harness at the socket that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: human.py SOCKET")
    with socket.create_server(sys.argv[1], family=socket.AF_UNIX) as server:
        line, _ = server.accept()
        text = line.makefile("rw", encoding="utf-8", newline="\n")

        def write(message: dict[str, Any]) -> None:
            text.write(json.dumps(message) + "\n")
            text.flush()

        Attended(write).serve(text)


if __name__ == "__main__":
    main()

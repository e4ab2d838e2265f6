"""Deterministic CBOR (RFC 8949, 4.2.1), as far as PEAD uses it: integers from 0, octets, text, arrays, null.

A reader refuses every second way to say a thing. Not here: what the items mean (`wire`), or maps: the
two that COSE needs are constants there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = "int | bytes | str | None | Sequence[Item]"

DEPTH_MAX = 4
NULL = b"\xf6"
UINT, OCTETS, TEXT, ARRAY = 0, 2, 3, 4


class Malformed(Exception):
    """The octets are not the one encoding of anything."""


def encode(item: Item) -> bytes:
    """The only encoding of an item."""
    match item:
        case None:
            return NULL
        case int():
            return head(UINT, item)
        case bytes():
            return head(OCTETS, len(item)) + item
        case str():
            octets = item.encode()
            return head(TEXT, len(octets)) + octets
        case _:
            return head(ARRAY, len(item)) + b"".join(map(encode, item))


def head(major: int, argument: int) -> bytes:
    """A major type with its argument in the shortest form."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for extra in range(4):
        size = 1 << extra
        if argument < 1 << 8 * size:
            return bytes([major << 5 | 24 + extra]) + argument.to_bytes(size, "big")
    raise OverflowError(f"{argument} has more than 64 bits")


def decode(octets: bytes, depth_max: int = DEPTH_MAX) -> Item:
    """The one item that these octets are, all of them.

    Raises `Malformed` for anything else, another encoding of the same item included.
    """
    item, end = _item(octets, 0, depth_max)
    if end != len(octets):
        raise Malformed("octets follow the last item")
    return item


def _item(octets: bytes, at: int, depth: int) -> tuple[Item, int]:
    if octets[at:at + 1] == NULL:
        return None, at + 1
    major, argument, at = _head(octets, at)
    if major == UINT:
        return argument, at
    if major in (OCTETS, TEXT):
        end = at + argument
        if end > len(octets):
            raise Malformed("a string is cut off")
        string = octets[at:end]
        return (string if major == OCTETS else _text(string)), end
    if major != ARRAY:
        raise Malformed(f"major type {major} is not used")
    if depth == 0:
        raise Malformed("arrays are nested too deeply")
    items: list[Item] = []
    for _ in range(argument):
        item, at = _item(octets, at, depth - 1)
        items.append(item)
    return items, at


def _head(octets: bytes, at: int) -> tuple[int, int, int]:
    if at >= len(octets):
        raise Malformed("an item is missing")
    major, short = octets[at] >> 5, octets[at] & 31
    if short < 24:
        return major, short, at + 1
    if short > 27:
        raise Malformed("an indefinite or reserved length")
    end = at + 1 + (1 << short - 24)
    argument = int.from_bytes(octets[at + 1:end], "big")
    if end > len(octets) or head(major, argument) != octets[at:end]:
        raise Malformed("a number is cut off, or not in its shortest form")
    return major, argument, end


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error

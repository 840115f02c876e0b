"""Ids and the keys they carry.

An id is its record's key in the store, so a get by id is one point read. Ids of a thread's messages, runs and steps
begin with the object's number in its thread and sort ascending; ids in an owner's collections begin with the time of
creation, inverted, and sort newest first.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE: Final = len(ALPHABET)
#: Characters of an id behind its prefix; the first of them are a number, or a time.
LENGTH: Final = 24
NUMBER_WIDTH: Final = 6
TIME_WIDTH: Final = 9
LAST_MICROS: Final = BASE**TIME_WIDTH - 1
#: The same of files' ids.
FILE_LENGTH: Final = 22
#: The same of ids in hexadecimal digits.
HEX_LENGTH: Final = 32
HEX_TIME_WIDTH: Final = 13
#: The latest time that fits, in microseconds.
LAST_HEX_MICROS: Final = 16**HEX_TIME_WIDTH - 1

#: In a second.
MICROS: Final = 1_000_000
#: 2020: no id is older.
EPOCH_MICROS: Final = 1_577_836_800_000_000
#: How far the clocks of two hosts may be apart.
SKEW_MICROS: Final = 60_000_000
#: The kinds whose ids begin with a number, and more than any thread has of them.
NUMBERED: Final = frozenset({"msg", "run", "step"})
MOST_NUMBERS: Final = BASE**3

#: A letter or digit for each byte.
_LETTERS: Final = (ALPHABET * 5)[:256].encode("ascii")

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def numbered(prefix: str, number: int) -> str:
    """An id for the `number`-th object of its kind in a thread, such as `msg_00002k…`."""
    return prefix + encode(number, NUMBER_WIDTH) + random_text(LENGTH - NUMBER_WIDTH)


def unnumbered(prefix: str) -> str:
    """An id for an object of a thread that has no number yet: it sorts behind all that have one."""
    return prefix + ALPHABET[-1] + random_text(LENGTH - 1)


def number_of(identifier: str) -> int:
    """The number in a `numbered` id. Raises ValueError for foreign text."""
    tail = identifier.partition("_")[2]
    if len(tail) != LENGTH:
        raise ValueError(identifier)
    return decode(tail[:NUMBER_WIDTH])


def key_at(prefix: str, number: int) -> str:
    """The smallest key of a `numbered` id with that number: a bound for scans."""
    return prefix + encode(number, NUMBER_WIDTH)


def newest_first(prefix: str, length: int = LENGTH) -> str:
    """An id whose keys sort newest first, such as `asst_…`; `length` is that of files' ids for these."""
    return prefix + encode(LAST_MICROS - micros(), TIME_WIDTH) + random_text(length - TIME_WIDTH)


def newest_first_hex(prefix: str) -> str:
    """The same in 32 lowercase hex digits, as vector stores, batches and uploads have them."""
    return f"{prefix}{LAST_HEX_MICROS - micros():013x}{secrets.token_hex(10)[:19]}"


def micros_of(identifier: str) -> int:
    """When a newest-first id was made. Raises ValueError for foreign text."""
    tail = identifier[max(identifier.find("_"), identifier.find("-")) + 1 :]
    if len(tail) == HEX_LENGTH:
        return LAST_HEX_MICROS - int(tail[:HEX_TIME_WIDTH], 16)
    return LAST_MICROS - decode(tail[:TIME_WIDTH])


def placed(prefix: str, made: int, identifier: str, length: int = LENGTH) -> str:
    """A newest-first key for an object from elsewhere that was made then (microseconds), the same every time."""
    return prefix + encode(LAST_MICROS - made, TIME_WIDTH) + _digest(identifier, length - TIME_WIDTH)


def placed_hex(prefix: str, made: int, identifier: str) -> str:
    """The same in 32 hex digits."""
    return f"{prefix}{LAST_HEX_MICROS - made:013x}{hashlib.sha256(identifier.encode()).hexdigest()[:19]}"


def placed_number(prefix: str, number: int, identifier: str) -> str:
    """A key for an object from elsewhere that is the `number`-th of its kind in a thread, the same every time."""
    return prefix + encode(number, NUMBER_WIDTH) + _digest(identifier, LENGTH - NUMBER_WIDTH)


def may_be_ours(identifier: str) -> bool:
    """Whether an id has a time or a number as ours have: one in fifty of others' ids, or fewer, does by chance."""
    prefix, _, tail = identifier.partition("_" if "_" in identifier else "-")
    try:
        if prefix in NUMBERED:
            return len(tail) == LENGTH and decode(tail[:NUMBER_WIDTH]) < MOST_NUMBERS
        return EPOCH_MICROS < micros_of(identifier) < micros() + SKEW_MICROS
    except ValueError:
        return False


def is_number_below(identifier: str, end: int) -> bool:
    """Whether an id has a number as ours have, below that one."""
    try:
        return number_of(identifier) < end
    except ValueError:
        return False


def is_key(text: str) -> bool:
    """Whether a text from outside may be used as a key: whoever made an id, it has nothing but these characters."""
    return _KEY.fullmatch(text) is not None


def call_id() -> str:
    """An id for a tool call the box made itself."""
    return "call_" + random_text(LENGTH)


def random_text(length: int) -> str:
    """Unguessable letters and digits: 5.7 bits each at least, since some stand for five bytes and some for four."""
    return os.urandom(length).translate(_LETTERS).decode("ascii")


def micros() -> int:
    """Microseconds since 1970, by the machine's clock."""
    return time.time_ns() // 1000


def _digest(identifier: str, width: int) -> str:
    return encode(int.from_bytes(hashlib.sha256(identifier.encode()).digest()) % BASE**width, width)


def encode(number: int, width: int) -> str:
    """A number in base 62, fixed width, so that text order is number order. Raises ValueError for one below 0."""
    if number < 0:
        raise ValueError("numbers in ids are not negative")
    digits = ""
    while number:
        number, digit = divmod(number, BASE)
        digits = ALPHABET[digit] + digits
    return digits[-width:].rjust(width, ALPHABET[0])


def decode(text: str) -> int:
    """The inverse of `encode`. Raises ValueError for other characters."""
    number = 0
    for character in text:
        number = number * BASE + ALPHABET.index(character)
    return number

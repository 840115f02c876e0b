"""Why the model could not be reached: the SDK's transport calls everything a time-out, the causes below it know.

Hosts and addresses are for the log; the client is told the kind.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

#: Whatever stands before a host in an address may be a password.
_CREDENTIALS: Final = re.compile(r"//[^/\s@]*@")
#: Several addresses of one host are told in one error that has no number of its own.
_REFUSED: Final = re.compile(r"Connect call failed|Connection refused", re.I)

#: It will not be trusted the next time either.
UNTRUSTED: Final = "The model could not be reached: its server's certificate is not trusted."
_KINDS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((ssl.SSLCertVerificationError,), UNTRUSTED),
    ((ssl.SSLError,), "The model could not be reached: no secure connection to its server."),
    ((socket.gaierror,), "The model could not be reached: its server's name is unknown."),
    ((ConnectionRefusedError,), "The model could not be reached: its server refused the connection."),
)
_NO_CONNECTION: Final = "The model could not be reached: no connection to its server."
NO_ANSWER: Final = "The model did not answer in time."


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            return
        yield current
        current = current.__cause__


def kind(error: Exception) -> str | None:
    """What the client is told, if the error is that nothing came from the endpoint; never a host or an address."""
    chain = [*causes(error)]
    for types, told in _KINDS:
        if any(isinstance(each, types) for each in chain):
            return told
    if any(_names(each) & {"ClientConnectorError"} for each in chain):
        refused = any(_REFUSED.search(str(each)) for each in chain)
        return _KINDS[-1][1] if refused else _NO_CONNECTION
    silent = {
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "ConnectionTimeoutError",
        "SocketTimeoutError",
        "TimeoutError",
    }
    lost = any(_names(each) & {"ServerDisconnectedError", "ClientOSError", "ConnectionError"} for each in chain)
    return NO_ANSWER if not lost and any(_names(each) & silent for each in chain) else None


def may_have_arrived(error: Exception) -> bool:
    """Whether the endpoint may have taken the request of which nothing came back: a connection that was lost."""
    of_connections = {"APIConnectionError", "ClientConnectionError", "ClientPayloadError", "TimeoutError"}
    lost = any(_names(each) & of_connections for each in causes(error))
    return lost and kind(error) in (None, NO_ANSWER)


def story(error: Exception, told: str) -> str:
    """The error in one line, with what it came from, for the log."""
    texts = [f"{type(error).__name__}: {told}"]
    for each in [*causes(error)][1:]:
        if str(each) and not any(str(each) in text for text in texts):
            texts.append(f"{type(each).__name__}: {each}")
    return _CREDENTIALS.sub("//", " <- ".join(texts))


def _names(error: BaseException) -> set[str]:
    """The names of its classes: the libraries they are from load late."""
    return {each.__name__ for each in type(error).__mro__}

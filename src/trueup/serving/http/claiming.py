"""Claims the port before anything else is done: two servers must not share one unknowingly.

Each process of a server listens by itself (SO_REUSEPORT), so that the kernel spreads connections
evenly and accepted ones have TCP_NODELAY. Then nothing would keep a second server out.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from trueup.errors import WrongUsage
from trueup.serving.http.running import Address


@contextmanager
def claimed(address: Address) -> Iterator[Address]:
    """Give the address with the port that it stands for (0: any free one), held until the end."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            port = probe.getsockname()[1]
        held = socket.socket(family, kind)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((place[0], port, *place[2:]))
    except OSError as error:
        raise WrongUsage(
            f"it cannot listen at {address.host} port {address.port}: {error.strerror}",
            remedy="Name another with --port (0: any that is free), or an address of this machine"
            " with --host",
        ) from error
    with held:  # bound, but it never listens: no connection is given to it
        yield msgspec.structs.replace(address, port=port)

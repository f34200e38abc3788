"""How much memory a server has."""

from pathlib import Path

from tests.serving.servers import Server

PAGE_BYTES = 4096


def memory_bytes(server: Server) -> int:
    """Return how much memory the server's process has."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * PAGE_BYTES

"""A process that has settled gives large blocks back, and still collects what is unreachable."""

import platform
import subprocess
import sys

import pytest

MEASURED = """
import gc, os, weakref
from trueup.serving.settling import settle

def held_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

class Circle:
    def __init__(self):
        self.itself = self

settle()
assert gc.get_freeze_count() > 1000
before = held_bytes()
for _ in range(8):
    blocks = [os.urandom(12 << 20) for _ in range(4)]
    small = [bytes(2000) for _ in range(100)]  # above the blocks, were these on the heap
    del blocks
assert held_bytes() - before < 4 << 20, held_bytes() - before
alive = [weakref.ref(Circle()) for _ in range(40_000)]
assert sum(one() is not None for one in alive) < 20_000
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what it mends is glibc's")
def test_large_blocks_go_back_and_cycles_are_collected() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

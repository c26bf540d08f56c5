"""Memory that a process has freed."""

import subprocess
import sys

import pytest

FREED = """
import ctypes, sys
from hardware.memory import overwrite_freed_memory
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "overwritten":
    overwrite_freed_memory()
block, behind = libc.malloc(50_000), libc.malloc(50_000)
ctypes.memset(block, 65, 50_000)
libc.free(block)
print(sum(each == 65 for each in (ctypes.c_ubyte * 48_000).from_address(block + 1000)))
"""


@pytest.mark.parametrize(("mode", "fewest", "most"), [("overwritten", 0, 0), ("as it is", 30_000, 48_000)])
def test_what_is_freed_is_overwritten(mode: str, fewest: int, most: int) -> None:
    ran = subprocess.run([sys.executable, "-c", FREED, mode], capture_output=True, text=True, check=True)
    assert fewest <= int(ran.stdout) <= most

"""Whatever standard output and error are connected to, no command breaks, and lost output is no success."""

import json
import subprocess
import sys

import pytest

from tests.conftest import REPO

# The real entry point runs each command, several times, in forks of one process that has imported everything.
PROGRAM = """
import contextlib, io, json, os, sys
from installation.cli import main as cli

connect, numbers, times, commands = sys.argv[1], *map(json.loads, sys.argv[2:])
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for words in commands:  # imports everything
        with contextlib.suppress(SystemExit):
            cli.main(words)

def full(number): os.dup2(os.open("/dev/full", os.O_WRONLY), number)
def closed(number): os.close(number)
def left(number):
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, number)
def small(number):  # as `head -c 1`: it leaves after the first byte
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    os.dup2(writer, number)

def outcome(words, connect, numbers):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 2)
        os.close(reader), os.close(writer)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for number in numbers:
            connect(number)
        sys.stdout = None if 1 in numbers and connect is closed else open(1, "w", closefd=False)
        sys.stderr = None if 2 in numbers and connect is closed else open(2, "w", closefd=False)
        sys.argv[1:] = words
        code = 120  # as Python ends where it cannot flush
        try:
            cli.run_program()
        except SystemExit as end:
            code = end.code or 0
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                code = 120
        os._exit(code)
    os.close(writer)
    with open(reader) as told:
        text = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text

print(json.dumps([outcome(words, globals()[connect], numbers) for words in commands for _ in range(times)]))
"""
PRINTING = [
    ["--help"],
    ["run", "--help"],
    ["osc"],
    ["osc", "--markdown"],
    ["judges", "list"],
    ["weights", "list"],
]


def outcomes(
    connect: str, numbers: list[int], commands: list[list[str]], times: int = 3
) -> set[tuple[int, str]]:
    """What the commands do with these streams so connected: pairs of exit code and what stderr was told."""
    command = [sys.executable, "-c", PROGRAM, connect, json.dumps(numbers), str(times), json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, timeout=300)
    assert done.returncode == 0, done.stderr
    return {(code, told) for code, told in json.loads(done.stdout)}


@pytest.mark.parametrize("connect", ["left", "small", "closed"])
def test_a_reader_that_leaves_or_is_not_there_is_no_error(connect: str) -> None:
    assert outcomes(connect, [1], PRINTING) == {(0, "")}


def test_output_lost_on_a_full_disk_is_an_error_in_one_line() -> None:
    ((code, told),) = outcomes("full", [1], PRINTING)
    assert code == 5
    assert told.count("\n") == 1 and "standard output cannot be written (No space left on device)" in told


@pytest.mark.parametrize("connect", ["left", "full", "closed"])
def test_errors_that_nobody_can_be_told_keep_their_exit_code(connect: str) -> None:
    wrong = [["nothing"], ["weights", "add", "/nowhere"], ["visit", "/nowhere"]]
    assert outcomes(connect, [2], wrong) == {(2, "")}


def test_both_at_once() -> None:
    assert outcomes("left", [1, 2], PRINTING) == {(0, "")}
    assert outcomes("full", [1, 2], PRINTING) == {(5, "")}


def test_a_closed_stream_is_not_given_to_a_file() -> None:
    """Else what is printed would end up in it."""
    program = (
        "import sys; from installation.cli import streams; streams.prepare();"
        "f = open('/dev/null'); sys.exit(f.fileno() < 3)"
    )
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "{program}" <&- >&- 2>&-', sys.executable], cwd=REPO, timeout=60
    )
    assert done.returncode == 0

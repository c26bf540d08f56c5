"""Sets up the environment: the packages of the lock files and PyTorch, in a folder beside the one in use.

    python -m installation.setup.main CHECKOUT PYTHON FINGERPRINT [--plan] [--tests] [--in-background]

`kiosk` runs this with the system's Python 3.11 in the checkout's folder: standard library only. It may be
killed at any moment; the next run goes on where it was. Messages go to standard error, as does what pip says.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from installation.setup.environment import ACCELERATOR, COMPLETE, PURPOSE, TESTS, Environment
from installation.setup.imports import MODULES, try_imports
from installation.setup.packages import (
    forget_damaged_packages,
    intact_packages,
    locked_requirements,
    normalised,
)
from installation.setup.pip_settings import pip_environment
from installation.setup.timeout import start_timeout_extended

ROOT = Path(__file__).resolve().parents[2]
LOCK, TEST_LOCK = ROOT / "requirements.lock", ROOT / "requirements-test.lock"
FLAVOURS = {"cuda": "cu130", "cpu": "cpu"}
PYTORCH = "https://download.pytorch.org/whl"
ANSWER_LIMIT_S = 5.0
MACHINE_LACKS_SOMETHING = 5  # the exit code (engine/common/errors.py)


class SetupError(Exception):
    """The setup cannot go on; its text is one line."""


def say(line: str) -> None:
    """Prints a message, if anybody can receive it."""
    with suppress(OSError):
        print(f"kiosk: {line}", file=sys.stderr, flush=True)


def pin(package: str) -> str:
    """The exact requirement of a package as pyproject.toml pins it, such as torch==2.13.0."""
    found = re.search(rf'"({re.escape(package)}==[^"]*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    if found is None:
        raise SetupError(f"pyproject.toml has no pin of {package}")
    return found[1]


class Setup:
    """The steps, done or only printed."""

    def __init__(self, environment: Environment, only_plan: bool = False) -> None:
        self._environment, self._only_plan = environment, only_plan
        self._variables: dict[str, str] | None = None

    def build(self, python: str, fingerprint: str) -> None:
        """Everything, from wherever it was; `python` makes the environment."""
        environment = self._environment
        resumed = environment.note(PURPOSE) == fingerprint and environment.note(ACCELERATOR) in FLAVOURS
        # Decided once: a driver that fails one morning must not replace the installation. `./kiosk doctor`
        # reports a decision that no longer fits.
        accelerator = environment.note(ACCELERATOR) if resumed else _accelerator()
        if resumed:
            say(f"setting up goes on where it was: {environment.folder}, for {accelerator}")
        else:
            say(f"setting up {environment.folder} for {accelerator} with {python}; once, a few minutes")
            self._step([python, "-m", "venv", "--clear", "--prompt", ".venv", str(environment.folder)])
            if not self._only_plan:
                environment.write_note(ACCELERATOR, accelerator)
                environment.write_note(PURPOSE, fingerprint)
        if resumed:
            forget_damaged_packages(environment.site_packages)
        here = intact_packages(environment.site_packages)
        # onnxruntime and onnxruntime-gpu put their files into the same folder: only one of them is installed.
        without = "onnxruntime==" if accelerator == "cuda" else None
        self.install_locked(LOCK, here, one_by_one=resumed, without=without)
        self._install_torch(FLAVOURS[accelerator], here)
        if accelerator == "cuda" and normalised(pin("onnxruntime-gpu")) not in here:
            self._pip("install", "--ignore-installed", "--no-deps", pin("onnxruntime-gpu"))
        if self._only_plan:
            return
        (environment.site_packages / "doppelganger.pth").write_text(f"{ROOT}\n", encoding="utf-8")
        self._check_imports(accelerator)
        environment.write_note(COMPLETE, fingerprint)

    def install_locked(
        self, lock: Path, here: set[str], one_by_one: bool, without: str | None = None
    ) -> None:
        """Installs what a lock file names and is not there yet, each package checked by its hash.

        one_by_one: what is installed then stays, however soon the setup is cut off again.
        """
        missing = [
            requirement
            for name, requirement in locked_requirements(lock).items()
            if name not in here and not (without and name.startswith(without))
        ]
        for number, requirements in enumerate([[each] for each in missing] if one_by_one else [missing], 1):
            if one_by_one:
                say(f"package {number} of {len(missing)}: {requirements[0].split()[0]}")
            if requirements:
                self._install_requirements(lock.name, requirements)

    def _install_requirements(self, name: str, requirements: list[str]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=f"-{name}") as file:
            file.write("\n".join(requirements) + "\n")
            file.flush()
            words = ("--ignore-installed", "--require-hashes", "--no-deps", "--requirement", file.name)
            self._pip("install", *words)

    def _install_torch(self, flavour: str, here: set[str]) -> None:
        own, configured = f"{pin('torch')}+{flavour}", pin("torch")
        if {own, configured} & here:
            return
        index = os.environ.get("DOPPELGANGER_TORCH_INDEX") or f"{PYTORCH}/{flavour}"
        if self._pip_variables().get("PIP_NO_INDEX"):
            self._pip("install", configured)
            return
        if _answers(f"{index}/torch/"):
            self._pip("install", "--index-url", index, own)
            return
        say(f"{index} does not answer; PyTorch comes from the configured package index instead.")
        if flavour == "cpu":
            say("That may be the build with CUDA, several gigabytes; it works without a GPU all the same.")
        self._pip("install", configured)

    def _check_imports(self, accelerator: str) -> None:
        python = [str(self._environment.python), "-I"]
        project = (ROOT / "pyproject.toml").read_text("utf-8")
        modules = {module: name for name, module in MODULES.items() if f'"{name}==' in project}
        say("trying whether everything can be loaded")
        for module, result in try_imports(python, list(modules)).items():
            if result.error:
                raise SetupError(f"{modules[module]} cannot be loaded on this machine ({result.error})")
        if accelerator == "cuda":
            code = "import sys, torch; sys.exit(torch.version.cuda is None)"
            if subprocess.run([*python, "-c", code]).returncode != 0:
                say("there is an NVIDIA GPU, but this PyTorch is a build without CUDA: it uses the CPU.")

    def _pip_variables(self) -> dict[str, str]:
        """The environment variables that pip runs with; of a plan, those of the caller that count."""
        if self._variables is None and not self._only_plan:
            self._variables = pip_environment(self._python(), os.environ)
        return self._variables or {}

    def _python(self) -> list[str]:
        return [str(self._environment.python), "-P", "-s"]

    def _pip(self, *words: str) -> None:
        python = self._python()
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        self._pip_variables()
        self._step([*python, "-m", "pip", words[0], *quiet, *words[1:]])

    def _step(self, command: Sequence[str]) -> None:
        """Runs a command, or prints it. What it prints goes to stderr: stdout is the command's."""
        if self._only_plan:
            print(" ".join(command))
            return
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        # A child that outlives this process keeps the lock.
        done = subprocess.run(command, env=self._variables or clean, stdout=2, close_fds=False)
        if done.returncode != 0:
            raise SetupError(
                f"this step of the setup failed: {shlex.join(command)} "
                "(with the network up, start again to go on)"
            )


def _accelerator() -> str:
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if listing.returncode == 0 else "cpu"


def _answers(url: str) -> bool:
    """Whether a package index answers. The limit is for networks that accept connections and stay silent."""
    try:
        with urlopen(Request(url, headers={"User-Agent": "pip"}), timeout=ANSWER_LIMIT_S):
            return True
    except (URLError, OSError, ValueError):
        return False


def _lock(wait: bool) -> bool:
    """Makes this the only setup in the checkout, until this process and the pip it has started have ended."""
    handle = os.open(ROOT, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            return False
        say("another kiosk is setting up; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return True


def _set_up(python: str, fingerprint: str, in_background: bool) -> None:
    used, new = Environment(ROOT / ".venv"), Environment(ROOT / ".venv-new")
    if used.is_for(fingerprint):
        return  # another process has done it
    if not new.is_for(fingerprint):
        Setup(new).build(python, fingerprint)
    if in_background:
        say("the new packages are complete; the next start uses them")
    elif not new.take_place_of(used):
        raise SetupError("the new packages are complete, but a kiosk runs with those of before: end it first")


def _set_up_tests() -> None:
    used = Environment(ROOT / ".venv")
    digest = hashlib.sha256(TEST_LOCK.read_bytes()).hexdigest()
    if used.note(TESTS) == digest:
        return
    say("installing the test tools; once")
    without = "onnxruntime==" if used.note(ACCELERATOR) == "cuda" else None
    here = intact_packages(used.site_packages)
    Setup(used).install_locked(TEST_LOCK, here, one_by_one=False, without=without)
    used.write_note(TESTS, digest)


def _drop_output() -> None:
    """Drops what could not be printed: Python would try again at its end, and complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def main() -> int:
    """Sets up; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", help="the folder to set up; must be the one that this module lies in")
    parser.add_argument("python", help="the command that makes the environment, such as python3.11")
    parser.add_argument("fingerprint", help="changes when the environment has to be made anew")
    parser.add_argument("--plan", action="store_true", help="print the steps without doing them")
    parser.add_argument("--tests", action="store_true", help="the test tools, too")
    parser.add_argument(
        "--in-background", action="store_true", help="leave the environment in use where it is"
    )
    arguments = parser.parse_args()
    try:
        # A Python whose environment names another checkout may have found that one's modules first.
        if not os.path.samefile(arguments.checkout, ROOT):
            raise SetupError(
                f"this Python belongs to the checkout {ROOT} and would set up that one: name another by "
                "DOPPELGANGER_PYTHON"
            )
        if arguments.plan:
            Setup(Environment(ROOT / ".venv"), only_plan=True).build(arguments.python, "")
            sys.stdout.flush()
            return 0
        with nullcontext() if arguments.in_background else start_timeout_extended():
            if not _lock(wait=not arguments.in_background):
                return 0
            if arguments.in_background:
                with suppress(OSError):
                    os.ftruncate(2, 0)  # the log of the attempt before
            _set_up(arguments.python, arguments.fingerprint, arguments.in_background)
            if arguments.tests:
                _set_up_tests()
    except BrokenPipeError:  # whoever reads the plan has left
        _drop_output()
        return 0
    except (SetupError, OSError) as error:
        _drop_output()
        say(str(error))
        return MACHINE_LACKS_SOMETHING
    except KeyboardInterrupt:
        say("the setup was stopped; the next start goes on where it was")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Which packages of a lock file an environment has, complete and undamaged. Standard library only."""

import base64
import csv
import hashlib
import re
import shutil
from pathlib import Path


def locked_requirements(lock: Path) -> dict[str, str]:
    """The packages of a lock file: normalised NAME==VERSION -> the whole requirement with its hashes."""
    text = re.sub(r"(?m)^\s*#.*\n?", "", lock.read_text(encoding="utf-8"))
    entries = re.split(r"\n(?=\S)", text)
    return {normalised(entry.split()[0]): entry.strip() for entry in entries if entry.strip()}


def normalised(pin: str) -> str:
    """NAME==VERSION with the name as package indexes spell it."""
    name, _, version = pin.partition("==")
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version}"


def intact_packages(site_packages: Path) -> set[str]:
    """NAME==VERSION of the packages whose every file is as its installer has recorded it."""
    return {
        _pin_of(folder) for folder in _infos(site_packages) if _is_intact(site_packages, folder / "RECORD")
    }


def forget_damaged_packages(site_packages: Path) -> None:
    """Removes the records of packages that are not intact, so that pip installs them again.

    What was cut off, by a kill or a power failure, has no record, or has files that differ from it.
    """
    for folder in _infos(site_packages):
        if not _is_intact(site_packages, folder / "RECORD"):
            shutil.rmtree(folder)


def _infos(site_packages: Path) -> list[Path]:
    return list(site_packages.glob("*.dist-info"))


def _pin_of(info: Path) -> str:
    name, _, version = info.name.removesuffix(".dist-info").partition("-")
    return normalised(f"{name}=={version}")


def _is_intact(site_packages: Path, record: Path) -> bool:
    try:
        with record.open(encoding="utf-8", newline="") as lines:
            files = [(row[0], row[1]) for row in csv.reader(lines) if row]
        return all(_is_as_recorded(site_packages, name, recorded) for name, recorded in files)
    except (OSError, IndexError, ValueError):
        return False


def _is_as_recorded(site_packages: Path, name: str, recorded: str) -> bool:
    """Whether a file has the hash `recorded`, as METHOD=DIGEST.

    Compiled modules have none: Python makes them anew. Scripts lie elsewhere, and name the environment.
    """
    path = site_packages / name
    if path.suffix == ".pyc":
        return True
    if path.name == "RECORD" or name.startswith(".."):
        return path.exists()
    method, _, digest = recorded.partition("=")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, method).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest

"""The archives of renders that tests and benchmarks take faces from."""

import tarfile
from pathlib import Path

RENDERS = Path(__file__).parents[1] / "data" / "renders.tar"
# Five people, each turned aside by 30, 45 and 60 degrees: `SEED_DEGREES.webp`, positive to their left.
TURNED_RENDERS = RENDERS.with_name("turned.tar")


def unpack_renders(folder: Path, archive: Path = RENDERS) -> Path:
    """Unpacks renders, and of `RENDERS` their `meta.jsonl`, into a folder; returns the folder."""
    with tarfile.open(archive) as tar:
        # Python has it from 3.11.4 on; Debian 12 has an earlier one, which trusts the archive.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)
    return folder

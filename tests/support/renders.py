"""The archive of a hundred renders that tests and benchmarks take faces from."""

import tarfile
from pathlib import Path

RENDERS = Path(__file__).parents[1] / "data" / "renders.tar"


def unpack_renders(folder: Path) -> Path:
    """Unpacks the renders, one person each, and their `meta.jsonl` into a folder; returns the folder."""
    with tarfile.open(RENDERS) as tar:
        # Python has it from 3.11.4 on; Debian 12 has an earlier one, which trusts the archive.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder)
    return folder

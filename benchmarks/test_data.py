"""Where the benchmarks find the checkout and the original test data, in a folder `shared` beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def require_test_data() -> None:
    """Ends the program with one line where the test data is missing."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED}: is missing. This benchmark needs the project's test data there.")

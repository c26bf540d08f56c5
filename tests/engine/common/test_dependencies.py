"""`engine.common` and `engine.stylegan2` need only torch, numpy and safetensors."""

import subprocess
import sys

from tests.conftest import REPO

PROGRAM = """
import importlib, pkgutil, sys

ALLOWED = {"torch", "numpy", "safetensors"}
ours = {"engine", "functorch", "torchgen"}  # the latter two are parts of torch


class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        importer = sys._getframe(1)
        while importer and "importlib" in importer.f_code.co_filename:
            importer = importer.f_back
        if importer and importer.f_globals.get("__name__", "").startswith("engine."):
            if top not in ALLOWED | ours | sys.stdlib_module_names:
                raise ImportError(f"{importer.f_globals['__name__']} imports {name}")


sys.meta_path.insert(0, Refuse())
for package in ("engine.common", "engine.stylegan2"):
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)
others = {name for name in sys.modules if name.startswith("engine.")}
others = {name for name in others if not name.startswith(("engine.common", "engine.stylegan2"))}
assert not others, others
for name in EXTRA:
    importlib.import_module(name)
"""


def run(*extra: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("EXTRA", repr(extra))
    return subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True)


def test_common_and_stylegan2_import_nothing_else() -> None:
    done = run()
    assert done.returncode == 0, done.stderr


def test_the_check_notices_another_package() -> None:
    done = run("engine.faces.alignment")
    assert done.returncode != 0 and "imports cv2" in done.stderr

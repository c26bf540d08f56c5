"""The head's geometry: ICT-FaceKit's light face model, from where the user has put it.

    git clone https://github.com/ICT-VGL/ICT-FaceKit          # commit da5f95a, MIT licence
    python -m training.nobody.render.assets ICT-FaceKit/FaceXModel ICT

turns its OBJ files into the two files the renderer reads (17 MB; keep ICT-FaceKit's licence with them):

`ict.npz`
    V      float32 (26719, 3): vertices of the neutral generic head
    F      int64 (26384, 4): faces, -1 in the fourth place of a triangle
    vt     float32 (28911, 2): texture coordinates; those of the face lie in [0, 1]
    FT     int64 (26384, 4): which of them the corners of the faces have
    mats   (12,): names of the materials;  M int64 (26384,): which of them a face has
    I      float16 (100, 26719, 3): the principal shapes of identity, as offsets from V
    E      float16 (57, 26719, 3): the expressions, as offsets from V;  en (57,): their names
`lm68.npy`
    int64 (68,): the vertices of the 68 landmarks of Multi-PIE.

The geometry is (c) 2020 USC Institute for Creative Technologies. Only the tests have a reduced copy of it
(tests/data/head).
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from engine.common.atomic_file import replacing
from engine.common.errors import UsageError, report_errors_in_one_line

MODEL_FILE = "ict.npz"
LANDMARK_FILE = "lm68.npy"
WHERE_TO_GET = (
    "get ICT-FaceKit (github.com/ICT-VGL/ICT-FaceKit, commit da5f95a, MIT licence) and run "
    "`python -m training.nobody.render.assets ICT-FaceKit/FaceXModel FOLDER`, then give --assets FOLDER"
)
VERTICES, FACES = 26_719, 26_384
IDENTITIES = 100
NEUTRAL = "generic_neutral_mesh"

# "Multi-PIE 68 point facial landmarks indices" in ICT-FaceKit's README.
LANDMARKS = [
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147,
    4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081,
    0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
]  # fmt: skip


def load_assets(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arrays of `ict.npz` by name, and the landmarks of `lm68.npy`.

    Raises:
        UsageError: a file is missing or holds something else.
    """
    for name in (MODEL_FILE, LANDMARK_FILE):
        if not (folder / name).is_file():
            raise UsageError(f"{folder / name} is missing: {WHERE_TO_GET}")
    try:
        with np.load(folder / MODEL_FILE) as stored:
            arrays = {name: stored[name] for name in ("V", "F", "FT", "vt", "I", "E", "en")}
        landmarks = np.load(folder / LANDMARK_FILE)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UsageError(f"{folder} cannot be read ({error}): {WHERE_TO_GET}") from error
    if arrays["V"].shape != (VERTICES, 3) or arrays["F"].shape != (FACES, 4) or landmarks.shape != (68,):
        raise UsageError(f"{folder} holds another model than ICT-FaceKit's light one: {WHERE_TO_GET}")
    return arrays, landmarks


def convert(source: Path, target: Path) -> None:
    """Writes `ict.npz` and `lm68.npy` into `target` from the OBJ files of ICT-FaceKit's `FaceXModel` folder.

    Raises:
        UsageError: the folder is not a whole `FaceXModel`.
    """
    neutral_path = source / f"{NEUTRAL}.obj"
    if not neutral_path.is_file():
        raise UsageError(f"{neutral_path} is missing: {WHERE_TO_GET}")
    neutral = read_vertices(neutral_path)
    if neutral.shape != (VERTICES, 3):
        raise UsageError(
            f"{neutral_path} has {len(neutral)} vertices, not {VERTICES}: take commit da5f95a or later"
        )
    identities = [source / f"identity{i:03d}.obj" for i in range(IDENTITIES)]
    expressions = sorted(
        path
        for path in source.glob("[!.]*.obj")
        if path.stem != NEUTRAL and not path.stem.startswith("identity")
    )
    missing = [path.name for path in identities if not path.is_file()]
    if missing or not expressions:
        raise UsageError(f"{source} lacks {missing[0] if missing else 'the expressions'}: {WHERE_TO_GET}")

    def offsets(paths: list[Path]) -> np.ndarray:
        return np.stack([(read_vertices(path) - neutral).astype(np.float16) for path in paths])

    faces = read_faces(neutral_path)
    target.mkdir(parents=True, exist_ok=True)
    model = dict(V=neutral.astype(np.float32), I=offsets(identities), E=offsets(expressions), **faces)
    names = np.array([path.stem for path in expressions])
    with replacing(target / MODEL_FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, en=names, **model)
    with replacing(target / LANDMARK_FILE) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(LANDMARKS))


def read_vertices(path: Path) -> np.ndarray:
    """The vertices of an OBJ file, float64 (N, 3)."""
    with path.open() as lines:
        return np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float).reshape(-1, 3)


def read_faces(path: Path) -> dict[str, np.ndarray]:
    """Faces, texture coordinates and materials of an OBJ file, as `F`, `FT`, `vt`, `M` and `mats` above."""
    corners, texture_corners, coordinates, face_materials = [], [], [], []
    materials: dict[str, int] = {}
    material = -1
    with path.open() as lines:
        for line in lines:
            kind, *words = line.split() or [""]
            if kind == "vt":
                coordinates.append([float(word) for word in words[:2]])
            elif kind == "usemtl":
                material = materials.setdefault(words[0], len(materials))
            elif kind == "f":
                pairs = [[int(number) - 1 for number in word.split("/")[:2]] for word in words]
                pairs += [[-1, -1]] * (4 - len(pairs))
                corners.append([pair[0] for pair in pairs])
                texture_corners.append([pair[1] for pair in pairs])
                face_materials.append(material)
    return {
        "F": np.array(corners),
        "FT": np.array(texture_corners),
        "vt": np.array(coordinates, np.float32),
        "M": np.array(face_materials),
        "mats": np.array(list(materials)),
    }


@report_errors_in_one_line
def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.nobody.render.assets",
        description="Turns ICT-FaceKit's OBJ files into the files the renderer reads.",
    )
    parser.add_argument("source", type=Path, help="the folder FaceXModel of ICT-FaceKit")
    parser.add_argument("target", type=Path, help="the folder to write ict.npz and lm68.npy into")
    arguments = parser.parse_args()
    convert(arguments.source, arguments.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

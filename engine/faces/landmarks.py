"""The points of the face mesh that this project uses, each named once.

Source: MediaPipe's attention mesh of 478 points (Grishchenko et al., *Attention Mesh: High-fidelity Face Mesh
Prediction in Real-time*, 2020); the numbering is that of its canonical face model.

**Convention:** left and right are the picture's, not the sitter's.
"""


class Landmarks:
    """Indices into a mesh of `COUNT` points, (478, 2) or (478, 3)."""

    COUNT = 478

    # Single points.
    FOREHEAD_TOP = 10
    CHIN = 152
    NOSE_ROOT = 168
    NOSE_TIP = 1
    NOSE_BASE = 2
    LEFT_NOSTRIL, RIGHT_NOSTRIL = 129, 358
    LEFT_CHEEK, RIGHT_CHEEK = 234, 454  # the outermost points of the face
    LEFT_CHEEK_MIDDLE, RIGHT_CHEEK_MIDDLE = 50, 280
    LEFT_FOREHEAD, RIGHT_FOREHEAD = 54, 284
    LEFT_TEMPLE, RIGHT_TEMPLE = 21, 251
    LEFT_JAW, RIGHT_JAW = 172, 397
    LEFT_EYE_OUTER, LEFT_EYE_INNER = 33, 133
    RIGHT_EYE_INNER, RIGHT_EYE_OUTER = 362, 263
    LEFT_IRIS, RIGHT_IRIS = 468, 473  # centres; points 468 to 477 are the irises
    LEFT_UPPER_LID, LEFT_LOWER_LID = 159, 145
    RIGHT_UPPER_LID, RIGHT_LOWER_LID = 386, 374
    LEFT_BROW, RIGHT_BROW = 105, 334
    LEFT_BROW_TAIL, RIGHT_BROW_TAIL = 70, 300
    LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER = 61, 291
    UPPER_LIP_INNER, LOWER_LIP_INNER = 13, 14

    # Where dlib's 68 landmarks have the six points of each eye: corner, two on the upper lid, corner, two on
    # the lower lid.
    LEFT_EYE = (LEFT_EYE_OUTER, 160, 158, LEFT_EYE_INNER, 153, 144)
    RIGHT_EYE = (RIGHT_EYE_INNER, 385, 387, RIGHT_EYE_OUTER, 373, 380)
    MOUTH_CORNERS = (LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER)

    # The outline, from the top of the forehead over the picture's right side and the chin.
    FACE_OVAL = (
        *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
        *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    )

    # The edges of the lids around each eye.
    LEFT_LIDS = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
    RIGHT_LIDS = (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)

    # Corresponding points on the left and the right half of the face: eye corners, brow, cheeks, nostril,
    # mouth corner, jaw.
    LEFT_HALF = (33, 133, 70, 234, 127, 132, 50, 129, 61, 93, 58, 172)
    RIGHT_HALF = (263, 362, 300, 454, 356, 361, 280, 358, 291, 323, 288, 397)

    # The five points that ArcFace, SFace and SCRFD use: iris, iris, nose tip, corners of the mouth.
    FIVE_POINTS = (LEFT_IRIS, RIGHT_IRIS, NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER)

    # Each iris with the corners of its eye, left to right.
    IRISES = (
        (LEFT_IRIS, LEFT_EYE_OUTER, LEFT_EYE_INNER),
        (RIGHT_IRIS, RIGHT_EYE_INNER, RIGHT_EYE_OUTER),
    )

    # Distances that change with the expression: mouth open, mouth wide, left and right eye open, left and
    # right brow raised.
    EXPRESSION = (
        (UPPER_LIP_INNER, LOWER_LIP_INNER),
        (LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER),
        (LEFT_UPPER_LID, LEFT_LOWER_LID),
        (RIGHT_UPPER_LID, RIGHT_LOWER_LID),
        (LEFT_BROW, LEFT_UPPER_LID),
        (RIGHT_BROW, RIGHT_UPPER_LID),
    )

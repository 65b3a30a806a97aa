"""A face that acts by formula: a portrait's own mesh with jaw, lids and head moved, so that a driver needs no video."""

import numpy as np
from scipy.spatial.transform import Rotation

UPPER_LIP = [
    *[191, 80, 81, 82, 13, 312, 311, 310, 415],
    *[183, 42, 41, 38, 12, 268, 271, 272, 407],
    *[184, 74, 73, 72, 11, 302, 303, 304, 408],
    *[185, 40, 39, 37, 0, 267, 269, 270, 409],
    *[78, 62, 76, 61, 308, 292, 306, 291],
]
LOWER_LIP = [
    [95, 88, 178, 87, 14, 317, 402, 318, 324],
    [96, 89, 179, 86, 15, 316, 403, 319, 325],
    [77, 90, 180, 85, 16, 315, 404, 320, 307],
    [146, 91, 181, 84, 17, 314, 405, 321, 375],
]
UPPER_LIDS = [246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398]
LOWER_LIDS = [7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382]
ABOVE_LIDS = [247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414]


def act(mesh, jaw=0.0, lids=0.0, yaw=0.0, pitch=0.0, roll=0.0, shift=(0.0, 0.0), scale=1.0):
    """The mesh (478, 3) with its jaw dropped by `jaw` eye distances, its eyes shut by the share `lids`, and its head
    turned by degrees, moved by pixels and scaled, about its middle.
    """
    moved = mesh.astype(np.float64)
    eyes = np.linalg.norm(mesh[33, :2] - mesh[263, :2])
    below = 1 / (1 + np.exp(-(mesh[:, 1] - mesh[[78, 308], 1].mean()) / (0.06 * eyes)))
    below[UPPER_LIP] = 0.0
    arch = np.sin(np.pi * (np.arange(9) + 1) / 10)
    for row in LOWER_LIP:
        below[row] = np.maximum(below[row], arch)
    moved[:, 1] += jaw * eyes * below
    close = lids * (mesh[LOWER_LIDS] - mesh[UPPER_LIDS])
    moved[UPPER_LIDS] += close
    moved[ABOVE_LIDS] += 0.4 * close
    middle = moved.mean(axis=0)
    turn = Rotation.from_euler("ZXY", [roll, pitch, yaw], degrees=True).as_matrix()
    return scale * (moved - middle) @ turn.T + middle + [*shift, 0.0]


def performance(mesh, frames=48):
    """A short act (T, 478, 3): talking, two blinks, looking around; starts at rest."""
    t = np.arange(frames) / frames
    jaw = 0.14 * (1 - np.cos(2 * np.pi * 4 * t)) * (0.6 + 0.4 * np.sin(2 * np.pi * t))
    lids = np.exp(-(((t - 0.3) / 0.045) ** 2)) + np.exp(-(((t - 0.75) / 0.045) ** 2))
    poses = zip(
        jaw,
        0.95 * np.clip(lids, 0, 1),
        14 * np.sin(2 * np.pi * t),
        8 * np.sin(4 * np.pi * t),
        9 * np.sin(2 * np.pi * t * 1.5),
        strict=True,
    )
    return np.stack([act(mesh, j, e, yaw, pitch, roll) for j, e, yaw, pitch, roll in poses]).astype(np.float32)

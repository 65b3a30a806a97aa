"""The modules of TPS's published checkpoints."""

from __future__ import annotations

from generators.checkpoint import Layout
from generators.tps.animation import AvdNetwork
from generators.tps.dense_motion import DenseMotion
from generators.tps.inpainting import Inpainting
from generators.tps.keypoints import BackgroundPredictor, KeypointDetector

LAYOUT = Layout(
    generator="tps",
    files=("vox.pth.tar", "taichi.pth.tar", "ted.pth.tar", "mgif.pth.tar"),
    required={"inpainting_network": Inpainting, "kp_detector": KeypointDetector, "dense_motion_network": DenseMotion},
    optional={"avd_network": AvdNetwork, "bg_predictor": BackgroundPredictor},
    licence="MIT",
    source="https://github.com/yoyo-nb/Thin-Plate-Spline-Motion-Model",
)

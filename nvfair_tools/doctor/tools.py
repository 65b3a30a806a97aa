"""The tools that a build and a training stand on, each tried and not only looked for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.errors import NvfairError


def check_video() -> Iterator[MachineFinding]:
    """Whether ffmpeg starts and PyAV has the encoder that writes every video."""
    from nvfair_tools.media.encoding import ffmpeg_binary

    try:
        program = ffmpeg_binary()
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=True)
        words = done.stdout.split()
        yield MachineFinding("ok", "ffmpeg", f"{words[2] if len(words) > 2 else 'starts'} at {program}")
    except (NvfairError, OSError, subprocess.SubprocessError) as error:
        remedy = "pip install --force-reinstall imageio-ffmpeg, or set NVFAIR_FFMPEG to an ffmpeg with libx264"
        yield MachineFinding("error", "ffmpeg", f"does not start: {error}", remedy)
    try:
        import av

        av.codec.Codec("libx264", "w")
        yield MachineFinding("ok", "PyAV", f"{av.__version__} with libx264")
    except Exception as error:  # noqa: BLE001 - a broken library fails in its own ways
        yield MachineFinding("error", "PyAV", f"cannot encode H.264: {error}", "pip install --force-reinstall av")


def check_landmarker() -> MachineFinding:
    """Whether the landmarker loads and finds the face of a portrait that comes with scikit-image."""
    from nvfair_tools.landmarks.landmarker import create_landmarker

    try:
        landmarker = create_landmarker()
    except NvfairError as error:
        return MachineFinding("error", "landmarker", error.what, error.remedy)
    except Exception as error:  # noqa: BLE001 - a broken library fails in its own ways
        return MachineFinding("error", "landmarker", f"does not load: {error}", "pip install 'nvfair-tools[curate]'")
    try:
        from skimage.data import astronaut

        landmarker.start()
        faces = landmarker.find(astronaut())
    finally:
        landmarker.close()
    text = f"{landmarker.name} {landmarker.version}"
    if len(faces) == 1:
        return MachineFinding("ok", "landmarker", f"{text} finds a face")
    return MachineFinding("error", "landmarker", f"{text} finds {len(faces)} faces in a portrait", "install it again")


def check_face_networks() -> Iterator[MachineFinding]:
    """Whether InsightFace's models are on disk, and what would run them."""
    from nvfair_tools.faces.insight import pack_folder

    try:
        import onnxruntime

        providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
        yield MachineFinding("ok", "onnxruntime", f"{onnxruntime.__version__}, runs on {providers}")
    except ImportError as error:
        yield MachineFinding("error", "onnxruntime", f"does not load: {error}", "pip install 'nvfair-tools[curate]'")
        return
    try:
        yield MachineFinding("ok", "InsightFace", f"models in {pack_folder()}")
    except NvfairError as error:
        text = "no models on disk: who is in a clip is not verified, small faces are found by the landmarker alone"
        yield MachineFinding("note", "InsightFace", text, error.remedy)


def check_card() -> MachineFinding:
    """Whether torch sees a graphics card, and in which number formats it is quick."""
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken library fails in its own ways
        return MachineFinding("error", "torch", f"does not load: {error}", "pip install 'nvfair-tools[train]'")
    about = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        cards = []
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            cards.append(f"{card.name} ({card.total_memory / 2**30:.0f} GiB)")
        format = "bfloat16" if torch.cuda.is_bf16_supported() else "no bfloat16: rendering and training take float32"
        return MachineFinding("ok", "graphics card", f"{about}, {', '.join(cards)}, {format}")
    if shutil.which("nvidia-smi") is None:
        return MachineFinding("note", "graphics card", f"{about}, none here: networks run on the processor")
    build = torch.version.cuda
    reason = f"its CUDA {build} does not start" if build else "it is the build for processors alone"
    remedy = "install torch for this card's driver (pytorch.org, `Start locally`); `nvidia-smi` names the CUDA version"
    return MachineFinding("warning", "graphics card", f"{about} does not see this machine's card: {reason}", remedy)


def check_weights() -> Iterator[MachineFinding]:
    """Which checkpoints of generators are registered, and whether their files are still there."""
    from generators.errors import GeneratorError
    from generators.weights import records, store_folder

    try:
        entries = records()
    except GeneratorError as error:
        yield MachineFinding("error", "weights", str(error))
        return
    if not entries:
        text = f"no checkpoint of a network generator in {store_folder()}; warp generators need none"
        yield MachineFinding("note", "weights", text, "`nvfair weights add FILE`, with a checkpoint that you have")
    for record in entries:
        if (store_folder() / f"{record.name}.safetensors").is_file():
            yield MachineFinding("ok", "weights", f"{record.name}: {record.generator}, licence {record.licence}")
        else:
            remedy = f"`nvfair weights remove {record.name}`, then add the published file again"
            yield MachineFinding("error", "weights", f"{record.name}: its file is not in {store_folder()}", remedy)


def default_folders() -> dict[str, Path]:
    """Where the tools keep things outside a data set."""
    from generators.weights import store_folder
    from nvfair_tools.pipeline.machine import MEASUREMENTS

    return {"folder of weights": store_folder(), "folder of measurements": MEASUREMENTS.expanduser()}

"""The tools that a build and a training stand on, each tried and not only looked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_CPU_REMEDY = "pass --device cpu, or install torch for this card's driver (pytorch.org, `Start locally`)"


def check_video() -> Iterator[MachineFinding]:
    """Whether ffmpeg starts and PyAV has the encoder that writes every video."""
    yield check_ffmpeg()
    try:
        import av

        av.codec.Codec("libx264", "w")
        yield MachineFinding("ok", "PyAV", f"{av.__version__} with libx264")
    except Exception as error:  # noqa: BLE001 - a broken library fails in its own ways
        yield MachineFinding("error", "PyAV", f"cannot encode H.264: {error}", "pip install --force-reinstall av")


def check_ffmpeg() -> MachineFinding:
    """Whether the program ffmpeg can be started here."""
    from nvfair_tools.media.encoding import ffmpeg_binary

    try:
        program = ffmpeg_binary()
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (NvfairError, OSError, subprocess.SubprocessError) as error:
        remedy = "pip install --force-reinstall imageio-ffmpeg, or set NVFAIR_FFMPEG to an ffmpeg with libx264"
        return MachineFinding("error", "ffmpeg", f"does not start: {error}", remedy)
    words = done.stdout.split()
    return MachineFinding("ok", "ffmpeg", f"{words[2] if len(words) > 2 else 'starts'} at {program}")


def check_encoder() -> MachineFinding:
    """Whether what writes videos here works: x264 in PyAV, or ffmpeg's program where that is chosen or all there is."""
    from nvfair_tools.media.library_encoder import has_x264

    if "NVFAIR_FFMPEG" in os.environ or not has_x264():
        return check_ffmpeg()
    return MachineFinding("ok", "encoder", "PyAV with libx264")


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
    return MachineFinding(
        "error", "landmarker", f"{text} finds {count_text(len(faces), 'face')} in a portrait", "install it again"
    )


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


def check_device(device: str, precision: str = "float32") -> MachineFinding:
    """Whether networks can run on a device ("auto", "cpu", "cuda", "cuda:N"), and are quick there in a number format.

    Nothing is imported for the processor. A card that is here and not seen is a warning for "auto".
    """
    if device == "cpu":
        return MachineFinding("ok", "device", "the processor")
    if device != "auto" and not device.startswith("cuda"):
        text = f"device {device!r} is unknown"
        return MachineFinding("error", "device", text, "name cpu, cuda, cuda:N or auto with --device")
    finding = check_card()
    if device == "auto" or finding.level == "error":
        return finding
    if finding.level != "ok":
        return MachineFinding("error", "device", f"no CUDA device can be used here: {finding.message}", _CPU_REMEDY)
    import torch

    if (number := int(device.partition(":")[2] or 0)) >= torch.cuda.device_count():
        text = f"there is no {device}: this machine has cuda:0 to cuda:{torch.cuda.device_count() - 1}"
        return MachineFinding("error", "device", text, "name one of them with --device")
    if precision == "bfloat16" and not torch.cuda.is_bf16_supported():
        text = f"{torch.cuda.get_device_name(number)} has no bfloat16"
        return MachineFinding("warning", "number format", text, "--precision float32 is quicker on it")
    return finding


def check_face_network(source: str | Path) -> MachineFinding:
    """Whether a detector or recogniser is on disk, and the packages are there that run it, on the processor.

    source: an .onnx file, a folder of them, or the name of an InsightFace pack.
    """
    from nvfair_tools.faces.insight import pack_folder

    packages = check_packages("curate", ("insightface", "onnxruntime"))
    if packages.level != "ok":
        return packages
    path = Path(source).expanduser()
    if path.suffix != ".onnx" and not path.exists():
        path = pack_folder(str(source))
    if not (path.is_file() or any(path.glob("*.onnx"))):
        remedy = "name an .onnx file, or an InsightFace pack on disk"
        return MachineFinding("error", "InsightFace", f"no such model: {path}", remedy)
    return MachineFinding("ok", "InsightFace", f"{path}, on the processor")


def check_generator_weights(generator: str, weights: str | Path | None) -> MachineFinding:
    """Whether the checkpoint that a network generator is to load is on disk, with the hash that was recorded."""
    from generators.checkpoint import known_layouts
    from generators.errors import GeneratorError
    from generators.weights import resolve

    layouts = [layout for layout in known_layouts() if layout.generator == generator]
    try:
        resolved = resolve(weights, *layouts)
    except GeneratorError as error:
        return MachineFinding("error", "weights", str(error), "`nvfair weights list` says what is there")
    return MachineFinding("ok", "weights", f"{resolved.path}, sha256 {resolved.sha256[:12]}")


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


def weights_folder() -> dict[str, Path]:
    """Where checkpoints of network generators are kept."""
    from generators.weights import store_folder

    return {"folder of weights": store_folder()}


def measurements_folder() -> dict[str, Path]:
    """Where the times that this machine needed are kept."""
    from nvfair_tools.pipeline.machine import MEASUREMENTS

    return {"folder of measurements": MEASUREMENTS.expanduser()}

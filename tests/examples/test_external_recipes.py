"""The recipes of real tools, run on stand-ins that take exactly the arguments that the projects document."""

import ast
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from generators import create
from generators.external.errors import ToolError
from nvfair_tools.dataset.terms import strictest_terms
from nvfair_tools.recipe.recipe import GeneratorChoice

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "external"
ENTRIES = {
    entry["variant"]: GeneratorChoice.model_validate(entry)
    for entry in yaml.safe_load((EXAMPLES / "generators.yaml").read_text())["generators"]
}
# Writes a video of one frame, whose brightness says how often this process has made one.
WRITER = """
import av, numpy as np
def write(path, width, height, count):
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = width, height
        picture = np.full((height, width, 3), 40 * count, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
"""
LIVEPORTRAIT = """
import argparse, os
from writer import write
parser = argparse.ArgumentParser()
parser.add_argument("--source", "-s")
parser.add_argument("--driving", "-d")
parser.add_argument("--output_dir", "-o")
parser.add_argument("--no_flag_relative_motion", action="store_true")
args = parser.parse_args()
assert args.no_flag_relative_motion and os.path.isfile(args.source) and os.path.isfile(args.driving)
stem = lambda path: os.path.splitext(os.path.basename(path))[0]
name = os.path.join(args.output_dir, stem(args.source) + "--" + stem(args.driving))
write(name + "_concat.mp4", 128, 64, 1)
write(name + ".mp4", 64, 64, 1)
"""
# The classes that LivePortrait's inference.py uses, as far as the adapter needs them.
SRC = {
    "config/argument_config.py": """
from dataclasses import dataclass
@dataclass
class ArgumentConfig:
    source: str
    driving: str
    output_dir: str
""",
    "config/inference_config.py": """
from dataclasses import dataclass
@dataclass
class InferenceConfig:
    flag_relative_motion: bool = True
    flag_normalize_lip: bool = True
""",
    "config/crop_config.py": "class CropConfig:\n    pass\n",
    "live_portrait_pipeline.py": """
import os
from writer import write
open("starts", "a").write("x")
class Wrapper:
    pass
class LivePortraitPipeline:
    def __init__(self, inference_cfg, crop_cfg):
        self.live_portrait_wrapper = Wrapper()
        self.live_portrait_wrapper.inference_cfg = inference_cfg
        self.count = 0
    def execute(self, args):
        cfg = self.live_portrait_wrapper.inference_cfg
        assert cfg.flag_relative_motion is False and cfg.flag_normalize_lip is True
        cfg.flag_normalize_lip = False  # as the real one does with some portraits
        self.count += 1
        path = os.path.join(args.output_dir, "a--b.mp4")
        write(path, 64, 64, self.count)
        return path, None
""",
}
TRACKER = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--video_path", "-v", required=True)
parser.add_argument("--outdir_path", "-d", default="")
parser.add_argument("--no_vis", action="store_true")
args = parser.parse_args()
assert args.no_vis and os.path.isfile(args.video_path)
os.makedirs(os.path.join("outputs", os.path.basename(args.video_path).split(".")[0]))
print("tracked")
"""
GAGAVATAR = """
import argparse, os, sys
sys.path.insert(0, ".")
from writer import write
parser = argparse.ArgumentParser()
parser.add_argument("--image_path", "-i")
parser.add_argument("--driver_path", "-d", required=True)
parser.add_argument("--force_retrack", "-f", action="store_true")
parser.add_argument("--resume_path", "-r", default="./assets/GAGAvatar.pt")
args = parser.parse_args()
if not os.path.isdir(args.driver_path):
    sys.exit("no such driver")
os.makedirs("render_results/GAGAvatar", exist_ok=True)
driver, image = (os.path.basename(path).split(".")[0] for path in (args.driver_path, args.image_path))
write(f"render_results/GAGAvatar/{driver}_{image}.mp4", 1536, 512, 1)
"""


@pytest.fixture
def home(tmp_path):
    """The folder of a tool, with the examples copied into it as the recipe says."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("nvfair_tool.py", "liveportrait.py", "gagavatar.py"):
        shutil.copy(EXAMPLES / name, folder)
    (folder / "writer.py").write_text(WRITER)
    (folder / "inference.py").write_text(LIVEPORTRAIT)
    for name, text in SRC.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def conda(tmp_path, monkeypatch):
    """A stand-in of conda, which takes `run -n NAME --no-capture-output PROGRAM ...` and runs the program."""
    program = tmp_path / "bin" / "conda"
    program.parent.mkdir()
    program.write_text(f"""#!{sys.executable}
import os, sys
assert sys.argv[1:3] == ["run", "-n"] and sys.argv[4:6] == ["--no-capture-output", "python"], sys.argv
os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[6:]])
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


def generator(variant, home):
    settings = {**ENTRIES[variant].settings, "working_folder": str(home)}
    return create(ENTRIES[variant].name, **settings)


def job(folder, name):
    portrait, clip = folder / f"portrait-{name}.png", folder / "clip-1.mp4"
    portrait.write_text("portrait")
    clip.write_text("clip")
    return portrait, clip, folder / "videos" / f"{name}.mp4"


def brightness(path):
    with av.open(str(path)) as container:
        return round(float(np.mean(next(container.decode(video=0)).to_ndarray(format="gray"))) / 40)


def test_every_entry_has_its_licence_and_forbids_commercial_use():
    assert set(ENTRIES) == {"liveportrait", "liveportrait-server", "gagavatar"}
    for entry in ENTRIES.values():
        assert strictest_terms([entry.settings["licence"]]) == ["not for commercial use"]


def test_liveportrait_by_its_command_line(home, conda, tmp_path):
    video = generator("liveportrait", home).render_file(*job(tmp_path, "a"))
    assert brightness(video) == 1
    with av.open(str(video)) as container:
        assert container.streams.video[0].width == 64, "not the picture with driver and result side by side"


def test_liveportrait_as_a_server_loads_once_and_no_job_changes_the_next(home, conda, tmp_path):
    server = generator("liveportrait-server", home)
    videos = [server.render_file(*job(tmp_path, name)) for name in "abc"]
    assert [brightness(video) for video in videos] == [1, 2, 3]
    assert (home / "starts").read_text() == "x"
    server.close()


def test_gagavatar_tracks_each_clip_once_and_gives_its_three_pictures(home, conda, tmp_path):
    tracker = home / "core" / "libs" / "GAGAvatar_track"
    tracker.mkdir(parents=True)
    (tracker / "track_video.py").write_text(TRACKER)
    (home / "inference.py").write_text(GAGAVATAR)
    server = generator("gagavatar", home)
    for name in "ab":  # the tracker's stand-in refuses a second run for the same clip
        with av.open(str(server.render_file(*job(tmp_path, name)))) as container:
            stream = container.streams.video[0]
            x, y, width, height = server.crop
            assert (stream.width, stream.height) == (x + width, y + height)
    portrait, clip, out = job(tmp_path, "c")
    other = clip.rename(tmp_path / "clip-2.mp4")
    server.render_file(portrait, other, out)
    assert [path.name for path in (tracker / "outputs").iterdir()] == ["clip-2"]
    (home / "inference.py").write_text("raise SystemExit('no face')")
    with pytest.raises(ToolError, match="no face"):
        server.render_file(portrait, other, out)
    server.close()


def test_the_helper_runs_with_python_3_7_and_later():
    ast.parse((EXAMPLES / "nvfair_tool.py").read_text(), feature_version=(3, 7))

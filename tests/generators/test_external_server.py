"""Tools that stay loaded: what they are told, what their answers mean, and what becomes of those that misbehave."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from generators import GeneratorError, create
from generators.external.errors import ToolError
from generators.external.protocol import LineReader
from tests.waiting import wait_until

HELPER = Path(__file__).resolve().parents[2] / "examples" / "external" / "nvfair_tool.py"
# A tool with a model that takes its time to load: it counts its own starts, and writes the video that lies beside it.
TOOL = """
import os, shutil, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nvfair_tool import serve
here = os.path.dirname(os.path.abspath(__file__))
open(os.path.join(here, "starts"), "a").write("x")
print("loading", end="")
os.write(1, b"@nvfa")
os.write(1, b"ncy banner without an end of line ")
def render(job):
    print("working on", os.path.basename(job["portrait"]), job["options"])
    os.system("echo from a child; echo to its errors >&2")
    mood = open(job["portrait"]).read()
    if mood == "refuse":
        raise ValueError("no face in it")
    if mood == "die":
        print("CUDA out of memory", flush=True)
        os._exit(3)
    if mood == "kill":
        os.kill(os.getpid(), 9)
    if mood == "hang":
        time.sleep(3600)
    if mood == "forget":
        return
    shutil.copy(os.path.join(here, "made.mp4"), job["out"])
serve("stand-in", render, "2.1")
"""


@pytest.fixture
def tool(tmp_path):
    """A folder with the tool, its helper and the video that it writes."""
    import av
    import numpy as np

    folder = tmp_path / "tool"
    folder.mkdir()
    shutil.copy(HELPER, folder)
    (folder / "tool.py").write_text(TOOL)
    with av.open(str(folder / "made.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")))
        container.mux(stream.encode())
    return folder


@pytest.fixture
def server(tool):
    generator = serving(tool)
    yield generator
    generator.close()


def serving(folder, program="tool.py", **settings):
    command = f"{shlex.quote(sys.executable)} {program}"
    options = {"protocol": "server", "name": "stand-in", "licence": "MIT", "working_folder": str(folder)}
    return create("external", command=command, **{**options, **settings})


def job(folder, mood="", name="job"):
    portrait, clip = folder / f"{name}.png", folder / "clip.mp4"
    portrait.write_text(mood)
    clip.write_text("clip")
    return portrait, clip, folder / "videos" / f"{name}.mp4"


def starts(tool):
    return len((tool / "starts").read_text())


def test_many_videos_take_one_start_and_stray_prints_break_nothing(server, tool, tmp_path):
    for number in range(5):
        files = job(tmp_path, name=f"job{number}")
        assert server.render_file(*files) == files[2]
    assert starts(tool) == 1
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == [f"job{n}.mp4" for n in range(5)]


def test_a_refused_job_quotes_what_was_printed_for_it_and_the_tool_goes_on(server, tool, tmp_path):
    server.render_file(*job(tmp_path, name="first"))
    with pytest.raises(ToolError, match="no face in it") as caught:
        server.render_file(*job(tmp_path, "refuse", "second"))
    assert (caught.value.cause, caught.value.is_retryable) == ("tool_refused", False)
    for words in ("working on second.png", "from a child", "to its errors", "ValueError"):
        assert words in caught.value.log
    assert "first.png" not in caught.value.log
    server.render_file(*job(tmp_path, name="third"))
    assert starts(tool) == 1


@pytest.mark.parametrize(
    ("mood", "words", "log"),
    [
        ("die", "exited with code 3 during a job", "CUDA out of memory"),
        ("kill", "was killed by signal 9 during a job", "working on"),
        ("hang", r"gave no answer within \d s", "working on"),
    ],
)
def test_a_tool_that_dies_or_hangs_costs_one_job_and_is_started_again(tool, tmp_path, mood, words, log):
    server = serving(tool, timeout=5 if mood == "hang" else 600)
    with pytest.raises(ToolError, match=words) as caught:
        server.render_file(*job(tmp_path, mood, "bad"))
    assert caught.value.is_retryable
    assert log in caught.value.log
    assert server.render_file(*job(tmp_path, name="good")).exists()
    assert starts(tool) == 2
    server.close()


def test_an_answer_without_a_file_is_no_video(server, tmp_path):
    with pytest.raises(ToolError, match=r"wrote no out\.mp4") as caught:
        server.render_file(*job(tmp_path, "forget"))
    assert caught.value.cause == "tool_output"
    assert list((tmp_path / "videos").iterdir()) == []


def test_options_of_the_recipe_reach_the_tool(tool, tmp_path):
    server = serving(tool, options={"strength": 0.5})
    with pytest.raises(ToolError, match=r"'strength': 0\.5"):
        server.render_file(*job(tmp_path, "refuse"))
    server.close()
    assert server.fingerprint() != serving(tool).fingerprint() == serving(tool, timeout=7).fingerprint()


@pytest.mark.parametrize(
    ("program", "settings", "words"),
    [
        ("tool.py", {"name": "another"}, "calls itself 'stand-in'; expected 'another'"),
        ("tool.py", {"version": "2.0"}, "is version '2.1'; expected '2.0': raise `version`"),
        ("old.py", {}, "speaks protocol 0; expected 1"),
        ("broken.py", {}, "a line that is no JSON object during loading"),
        ("missing.py", {}, "exited with code 2 during loading.*No such file"),
        ("silent.py", {"start_timeout": 1}, "gave no answer within 1 s of loading and was ended"),
    ],
)
def test_a_tool_that_does_not_come_up_says_why(tool, tmp_path, program, settings, words):
    (tool / "old.py").write_text("""print('@nvfair {"protocol": 0, "name": "stand-in"}')""")
    (tool / "broken.py").write_text("print('@nvfair {oops')")
    (tool / "silent.py").write_text("import time; time.sleep(3600)")
    with pytest.raises(ToolError, match=f"(?s){words}"):
        serving(tool, program, **settings).check()


def test_a_tool_that_never_comes_up_is_not_started_for_every_video(tool, tmp_path):
    (tool / "crash.py").write_text(f"open({str(tool / 'starts')!r}, 'a').write('x'); raise SystemExit('no weights')")
    server = serving(tool, "crash.py")
    for _ in range(6):
        with pytest.raises(ToolError, match=r"(?s)exited with code 1.*no weights"):
            server.render_file(*job(tmp_path))
    assert starts(tool) == 3


def test_the_check_loads_the_tool_and_ends_it(tool):
    assert serving(tool).check() == "it loads, and calls itself stand-in 2.1"
    assert "python" in create("external", command=f"{sys.executable} {{portrait}} {{clip}} {{out}}", name="n",
                              licence="x").check()  # fmt: skip
    with pytest.raises(GeneratorError, match="not on the PATH"):
        serving(tool).__class__("no-such-program", "n", "x", serving(tool)._settings).check()


def test_messages_are_found_in_output_that_is_cut_anywhere():
    lines = b'noise\n 40%|###   |\r 80%@nvfair {"job": 1}\n@nvfair [1]\ntail @nvfair \n'
    for cut in range(len(lines)):
        messages, text = [], bytearray()
        reader = LineReader(messages.append, text.extend)
        reader.take(lines[:cut])
        reader.take(lines[cut:])
        assert messages == [{"job": 1}, None, None]
        assert bytes(text) == b"noise\n 40%|###   |\r 80%\ntail \n"


ORPHANER = """
import sys
from generators import create
server = create("external", command=sys.argv[1], name="stand-in", licence="MIT", protocol="server",
                working_folder=sys.argv[2])
server._started_server().start()
print("up", flush=True)
server.render_file(*sys.argv[3:6])
"""


def test_a_killed_worker_takes_the_tool_and_its_children_with_it(tool, tmp_path):
    alive = tmp_path / "alive"
    child = f"import time\nwhile True: open({str(alive)!r}, 'a').write('x'); time.sleep(0.05)"
    text = TOOL.replace("time.sleep(3600)", f"import subprocess; subprocess.call([sys.executable, '-c', {child!r}])")
    (tool / "tool.py").write_text(text)
    arguments = [f"{shlex.quote(sys.executable)} tool.py", str(tool), *map(str, job(tmp_path, "hang"))]
    worker = subprocess.Popen([sys.executable, "-c", ORPHANER, *arguments], stdout=subprocess.PIPE)
    wait_until(alive.exists)
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    wait_until(lambda: is_still(alive))


def is_still(file):
    size = file.stat().st_size
    time.sleep(0.4)
    return file.stat().st_size == size


def test_the_helper_needs_nothing_but_the_standard_library(tool):
    code = "import sys; sys.path.insert(0, '.'); import nvfair_tool"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tool, check=True)

"""Other people's generators as commands: what goes in, what comes out, and every way it can go wrong."""

import json
import shlex
import sys
import time

import numpy as np
import pytest

from generators import Face, Generator, GeneratorError, MotionMode, create

PYTHON = shlex.quote(sys.executable)
RENDERER = """
import sys, av, numpy as np
portrait, clip, out = sys.argv[1:4]
assert open(portrait, "rb").read() and open(clip, "rb").read()
with av.open(out, "w") as container:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width = stream.height = 64
    for t in range(5):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * t, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
"""


@pytest.fixture
def files(tmp_path):
    portrait, clip = tmp_path / "portrait.png", tmp_path / "clip.mp4"
    portrait.write_bytes(b"portrait")
    clip.write_bytes(b"clip")
    return portrait, clip, tmp_path / "videos" / "out.mp4"


def script(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    return f"{PYTHON} {shlex.quote(str(path))} {{portrait}} {{clip}} {{out}}"


def external(command, **options):
    return create("external", command=command, name="other", licence="MIT", **options)


def test_a_real_program_renders_a_real_video(tmp_path, files):
    import av

    generator = external(script(tmp_path, RENDERER))
    assert isinstance(generator, Generator)
    assert (generator.name, generator.licence, generator.family) == ("other", "MIT", "external")
    assert generator.render_file(*files) == files[2]
    with av.open(str(files[2])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    assert [p.name for p in files[2].parent.iterdir()] == ["out.mp4"]


def test_file_names_are_arguments_and_never_code(tmp_path):
    name = "a b; touch pwned; $(touch pwned) {out} 'q\" --help.png"
    portrait, clip = tmp_path / name, tmp_path / "`touch pwned`.mp4"
    portrait.write_bytes(b"x")
    clip.write_bytes(b"y")
    seen = tmp_path / "seen.json"
    spy = f"import json, sys\njson.dump(sys.argv[1:3], open({str(seen)!r}, 'w'))\n" + RENDERER
    external(script(tmp_path, spy)).render_file(portrait, clip, tmp_path / "$(out).mp4")
    assert json.loads(seen.read_text()) == [str(portrait), str(clip)]
    assert (tmp_path / "$(out).mp4").stat().st_size > 0
    assert not list(tmp_path.rglob("pwned"))


def test_placeholders_may_stand_inside_an_argument_and_braces_may_be_doubled(tmp_path, files):
    seen = tmp_path / "seen.json"
    spy = f"import json, sys\njson.dump(sys.argv[1:], open({str(seen)!r}, 'w'))"
    program = tmp_path / "spy.py"
    program.write_text(spy)
    command = f"{PYTHON} {program} --source={{portrait}} '{{{{x}}}} y' {{clip}} {{out}}"
    with pytest.raises(GeneratorError, match="wrote no"):
        external(command).render_file(*files)
    source, literal, clip, _ = json.loads(seen.read_text())
    assert (source, literal, clip) == (f"--source={files[0]}", "{x} y", str(files[1]))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; print('no CUDA here', file=sys.stderr); sys.exit(3)", "exited with code 3.*no CUDA here"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("", "wrote no"),
        ("import sys; open(sys.argv[3], 'w')", "output is empty"),
        ("import sys; open(sys.argv[3], 'w').write('not a video' * 99)", "not a video"),
    ],
)
def test_failures_say_what_happened_and_leave_nothing_behind(program, words, tmp_path, files):
    files[2].parent.mkdir()
    files[2].write_bytes(b"an earlier render")
    with pytest.raises(GeneratorError, match=f"(?s){words}"):
        external(script(tmp_path, program)).render_file(*files)
    assert files[2].read_bytes() == b"an earlier render"
    assert len(list(files[2].parent.iterdir())) == 1


def test_a_long_complaint_is_quoted_from_its_end(tmp_path, files):
    program = "import sys; sys.stderr.write('early ' * 5000 + 'the cause'); sys.exit(1)"
    with pytest.raises(GeneratorError, match="the cause") as caught:
        external(script(tmp_path, program)).render_file(*files)
    assert len(str(caught.value)) < 4000


def test_a_time_out_ends_the_program_and_what_it_started(tmp_path, files):
    alive = tmp_path / "alive"
    child = f"import time\nwhile True: open({str(alive)!r}, 'a').write('x'); time.sleep(0.05)"
    program = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(3600)"
    start = time.monotonic()
    with pytest.raises(GeneratorError, match="still running after 2 s"):
        external(script(tmp_path, program), timeout=2).render_file(*files)
    assert time.monotonic() - start < 1800
    time.sleep(0.3)
    size = alive.stat().st_size if alive.exists() else 0
    time.sleep(0.5)
    assert (alive.stat().st_size if alive.exists() else 0) == size


def test_a_program_that_is_not_there_is_named(files):
    with pytest.raises(GeneratorError, match=r"no-such-program.*cannot be started"):
        external("no-such-program {portrait} {clip} {out}").render_file(*files)


def test_a_missing_input_is_named_before_anything_runs(tmp_path, files):
    generator = external(script(tmp_path, "raise SystemExit('ran')"))
    with pytest.raises(GeneratorError, match=r"portrait .*nobody\.png is not a file"):
        generator.render_file(tmp_path / "nobody.png", files[1], files[2])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "empty"),
        ("run 'unclosed {portrait} {clip} {out}", "cannot be split"),
        ("run {portrait} {clip}", "lacks {out}"),
        ("run {portrait} {clip} {out} {seed}", "unknown placeholder"),
        ("run {portrait.__class__} {portrait} {clip} {out}", "unknown placeholder"),
        ("run {portrait!r} {clip} {out}", "unknown placeholder"),
        ("run {} {portrait} {clip} {out}", "unknown placeholder"),
        ("run {portrait} {clip} {out", "unpaired brace"),
    ],
)
def test_bad_templates_are_refused(command, words):
    with pytest.raises(GeneratorError, match=words):
        external(command)


@pytest.mark.parametrize(("key", "value"), [("name", "../up"), ("name", ""), ("timeout", 0), ("timeout", -1)])
def test_bad_names_and_timeouts_are_refused(key, value):
    with pytest.raises(GeneratorError):
        create("external", **{"command": "x {portrait} {clip} {out}", "name": "n", "licence": "MIT", key: value})


def test_the_environment_given_reaches_the_program(tmp_path, files):
    program = "import os\nassert os.environ['CUDA_VISIBLE_DEVICES'] == '7'\nassert os.environ['PATH']\n" + RENDERER
    external(script(tmp_path, program), environment={"CUDA_VISIBLE_DEVICES": "7"}).render_file(*files)
    assert files[2].exists()


def test_its_fingerprint_changes_with_command_and_version():
    command = "x {portrait} {clip} {out}"
    prints = {external(c, version=v).fingerprint() for c in (command, command + " -q") for v in ("1", "2")}
    assert len(prints) == 4
    assert external(command).fingerprint() == external(command).fingerprint()


def test_frames_in_memory_are_refused_with_the_way_out():
    generator = external("x {portrait} {clip} {out}")
    for call in (
        lambda: generator.encode_source(Face(np.zeros((8, 8, 3), np.uint8))),
        lambda: generator.encode_motion([]),
        lambda: generator.render(None, None, MotionMode()),
    ):
        with pytest.raises(GeneratorError, match="render_file"):
            call()

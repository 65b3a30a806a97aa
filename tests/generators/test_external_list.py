"""Tools that take a list of videos, tools that choose the names of their files, and what either may get wrong."""

import csv
import json
import shlex
import sys
from pathlib import Path

import av
import pytest

from generators import GeneratorError, create
from generators.external import FileJob
from generators.external.errors import ToolError
from tests.generators.test_external import RENDERER, external, files, script  # noqa: F401 - a fixture

# Makes the first `videos/done` of the jobs, says so, and then fails.
LISTER = """
import csv, json, sys
import av, numpy as np
listing, done = sys.argv[1], int(sys.argv[2])
lines = open(listing).read().splitlines()
jobs = list(csv.DictReader(lines)) if listing.endswith(".csv") else [json.loads(line) for line in lines]
for number, job in enumerate(jobs[:done]):
    print("video", number, "of", int(job["frames"]), "frames")
    with av.open(job["out"], "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 9, np.uint8), format="rgb24")))
        container.mux(stream.encode())
sys.exit("out of memory" if done < len(jobs) else 0)
"""


def jobs_of(folder: Path, count: int) -> list[FileJob]:
    clip = folder / "clip.mp4"
    clip.write_text("clip")
    jobs = [FileJob(folder / f"portrait{n}.png", clip, folder / "videos" / f"{n}.mp4", 5) for n in range(count)]
    for job in jobs:
        job.portrait.write_text("portrait")
    return jobs


def lister(tmp_path: Path, done: int, form: str = "json"):
    program = tmp_path / "lister.py"
    program.write_text(LISTER)
    command = f"{shlex.quote(sys.executable)} {program} {{jobs}} {done}"
    return create("external", command=command, name="other", licence="MIT", protocol="list", list_format=form)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_one_run_makes_all_videos_of_a_list(tmp_path, form):
    jobs = jobs_of(tmp_path, 3)
    assert lister(tmp_path, 3, form).render_files(jobs) == [job.out for job in jobs]
    assert all(job.out.stat().st_size for job in jobs)
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == ["0.mp4", "1.mp4", "2.mp4"]


def test_a_run_that_breaks_off_keeps_what_it_had_finished(tmp_path):
    first, second = lister(tmp_path, 1).render_files(jobs_of(tmp_path, 2))
    assert first == tmp_path / "videos" / "0.mp4"
    assert isinstance(second, ToolError)
    assert (second.cause, second.is_retryable) == ("tool_failed", True)
    assert "exited with code 1" in str(second)
    assert "video 0 of 5 frames" in second.log
    assert "out of memory" in second.log


def test_the_list_can_be_read_by_others_too(tmp_path):
    from generators.external.job_list import write_jobs

    jobs = jobs_of(tmp_path, 2)
    write_jobs(jobs, tmp_path / "jobs.csv", "csv")
    write_jobs(jobs, tmp_path / "jobs.json", "json")
    with open(tmp_path / "jobs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "portrait": str(jobs[1].portrait),
        "clip": str(jobs[1].clip),
        "out": str(jobs[1].out),
        "frames": "5",
    }
    assert [json.loads(line)["out"] for line in (tmp_path / "jobs.json").read_text().splitlines()] == [
        str(job.out) for job in jobs
    ]


def test_a_tool_that_chooses_the_name_of_its_file_is_followed(tmp_path, files):  # noqa: F811
    program = RENDERER.replace("sys.argv[1:4]", "[*sys.argv[1:3], sys.argv[3] + '/portrait--clip.mp4']")
    command = script(tmp_path, program).replace("{out}", "{out_folder}")
    made = external(command, result="{portrait_stem}--{clip_stem}.mp4").render_file(*files)
    with av.open(str(made)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_an_earlier_file_of_the_tool_is_never_taken_for_this_video(tmp_path, files):  # noqa: F811
    home = tmp_path / "home"
    (home / "results").mkdir(parents=True)
    (home / "results" / "portrait.mp4").write_bytes(b"of yesterday")
    command = f"{shlex.quote(sys.executable)} -c pass {{portrait}} {{clip}}"
    generator = external(command, result="results/{portrait_stem}.mp4", working_folder=str(home))
    with pytest.raises(ToolError, match=r"wrote no portrait\.mp4"):
        generator.render_file(*files)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"protocol": "list", "command": "x {portrait}"}, "unknown placeholder"),
        ({"protocol": "list", "command": "x"}, "lacks {jobs}"),
        ({"protocol": "server", "command": "x {portrait}"}, "use none"),
        ({"protocol": "stream", "command": "x"}, "expected each, server or list"),
        ({"list_format": "xml", "command": "x"}, "expected one of json, csv"),
        ({"result": "{clip}.mp4", "command": "x {portrait} {clip}"}, "unknown placeholder"),
        ({"options": {"a": 1}, "command": "x {portrait} {clip} {out}"}, "are for `protocol: server`"),
        ({"crop": [0, 0, 512], "command": "x {portrait} {clip} {out}"}, r"expected \[x, y, width, height\]"),
        ({"frame_tolerance": -1, "command": "x {portrait} {clip} {out}"}, "expected 0 or more frames"),
        ({"start_timeout": 0, "command": "x {portrait} {clip} {out}"}, "start_timeout must be above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, words):
    with pytest.raises(GeneratorError, match=words):
        create("external", **{"name": "n", "licence": "MIT", **settings})


def test_what_a_recipe_leaves_out_does_not_change_the_fingerprint():
    # The value that the first release of this generator gave for this command.
    plain = create("external", command="x {portrait} {clip} {out}", name="n", licence="MIT")
    assert plain.fingerprint() == "b110d96dfc3080e4e4783cdc10610cca237a49d304dabb2f79bd3bfdd9233d88"
    cropped = create("external", command="x {portrait} {clip} {out}", name="n", licence="MIT", crop=[0, 0, 64, 64])
    assert cropped.fingerprint() != plain.fingerprint()
    assert cropped.crop == (0, 0, 64, 64)

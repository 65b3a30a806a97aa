"""Portraits: the most frontal, neutral and sharp frame of a clip that then never drives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.portraits import (
    choose_clip,
    sharpness,
)
from nvfair_tools.curate.preflight import check
from nvfair_tools.faces.frontality import pose_costs
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.pipeline.items import ok
from nvfair_tools.recipe.recipe import load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.curate.test_ingest import clip
from tests.nvfair_tools.moving_portraits import portrait, write_clip
from tests.nvfair_tools.small_build import write_recipe

skip_without_landmarker()


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """A real picture and its mesh."""
    image = np.asarray(portrait("astronaut"))
    landmarker = create_landmarker()
    landmarker.start()
    return image, landmarker.find(image)[0]


def turned(mesh: np.ndarray, yaw: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """The mesh turned by angles in degrees about its centre."""
    a, b = np.radians([yaw, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    centre = mesh.mean(axis=0)
    return (mesh - centre) @ (about_z @ about_y).T + centre


def frontal(mesh: np.ndarray) -> np.ndarray:
    across = mesh[454] - mesh[234]
    mesh = turned(mesh, yaw=np.degrees(np.arctan2(across[2], across[0])))
    eyes = mesh[263] - mesh[33]
    return turned(mesh, roll=-np.degrees(np.arctan2(eyes[1], eyes[0])))


def test_turning_tilting_speaking_and_blinking_each_cost(face):
    mesh = frontal(face[1].astype(np.float64))
    speaking, blinking = mesh.copy(), mesh.copy()
    speaking[14, 1] += 0.3 * np.linalg.norm(mesh[61] - mesh[291])
    blinking[[145, 374]] = blinking[[159, 386]]
    frames = np.stack([mesh, turned(mesh, yaw=20), turned(mesh, roll=20), speaking, blinking, mesh, mesh])
    costs = pose_costs(frames)
    assert costs[0] == costs[5]
    assert (costs[1:5] > costs[0] + 2).all()


def test_a_frame_without_a_face_costs_nothing_that_could_be_compared(face):
    frames = np.stack([face[1], np.full((478, 3), np.nan)])
    assert np.isfinite(pose_costs(frames)).tolist() == [True, False]


def test_blur_is_less_sharp_whatever_the_brightness(face):
    from PIL import Image, ImageFilter

    image, mesh = face
    blurred = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(3)))
    darker = (image // 2).astype(np.uint8)
    assert sharpness(blurred, mesh) < 0.5 * sharpness(image, mesh)
    assert sharpness(darker, mesh) == pytest.approx(sharpness(image, mesh), rel=0.1)


def candidate(id: str, emotion: str, cost: float, flags: tuple[str, ...] = ()) -> Clip:
    plain = clip(id, "x:1", f"{id}.mp4")
    return replace(
        plain, row=replace(plain.row, emotion=emotion), facts={"pose_cost": cost, "flags": list(flags)}, result=ok()
    )


def test_a_neutral_clip_gives_the_portrait_before_a_more_frontal_one():
    clips = [candidate("a", "happy", 0.1), candidate("b", "neutral", 2.0), candidate("c", "neutral", 1.0)]
    assert choose_clip(clips).id == "c"
    assert choose_clip(clips[:1]).id == "a"


@pytest.mark.parametrize("flag", ["hard_cut", "identity_changes", "face_jumped"])
def test_a_clip_that_may_show_another_person_gives_the_portrait_only_where_there_is_no_other(flag):
    clips = [candidate("a", "happy", 3.0), candidate("b", "neutral", 0.1, (flag,))]
    assert choose_clip(clips).id == "a"
    assert choose_clip(clips[1:]).id == "b"
    assert choose_clip([*clips, candidate("c", "neutral", 0.2, ("several_faces",))]).id == "c"


def test_a_given_picture_leaves_every_clip_to_drive_and_a_single_clip_is_flagged(tmp_path: Path):
    for person in ("astronaut", "hopper"):
        write_clip(tmp_path / f"{person}.mp4", person, 0)
    portrait("astronaut").save(tmp_path / "given.png")
    (tmp_path / "clips.csv").write_text(
        "path,identity,split,permitted_use,portrait\n"
        "astronaut.mp4,x:a,train,research,given.png\n"
        "hopper.mp4,x:h,train,research,\n"
    )
    path = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", workers=0)
    outcome = build(path)
    people = outcome.identities.set_index("identity")
    assert people.loc["x:a", "flags"] == ["portrait_given"]
    assert people.loc["x:h", "flags"] == ["single_clip"]
    assert pd.isna(people.loc["x:a", "portrait_clip"])
    assert len(outcome.pairs) == 4, "both clips drive both faces"
    assert load_recipe(path).output_folder == (tmp_path / "dataset").resolve()


def test_a_given_picture_without_a_face_is_rejected_and_its_person_is_no_target(tmp_path: Path):
    from PIL import Image

    for person in ("astronaut", "hopper"):
        write_clip(tmp_path / f"{person}.mp4", person, 0)
    Image.new("RGB", (100, 100), "grey").save(tmp_path / "given.png")
    (tmp_path / "clips.csv").write_text(
        "path,identity,split,permitted_use,portrait\n"
        "astronaut.mp4,x:a,train,research,given.png\n"
        "hopper.mp4,x:h,train,research,\n"
    )
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", workers=0)
    (finding,) = check(recipe).at_level("error")
    assert "x:a: given.png: no_face" in finding.message
    outcome = build(recipe, until="plan")
    assert outcome.portraits["x:a"].result.reason == "no_face"
    assert {(pair.driver, pair.target) for pair in outcome.pairs} == {("x:a", "x:h"), ("x:h", "x:h")}


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """A folder with a clip of each of three people, and a recipe that names a picture of each."""
    folder = tmp_path_factory.mktemp("people")
    for number, person in enumerate(("astronaut", "hopper", "hopper")):
        write_clip(folder / f"{number}.mp4", person, number)
    return folder


def recipe_with(people: Path, tmp_path: Path, *pictures: str) -> Path:
    (tmp_path / "clips.csv").write_text(
        "path,identity,split,permitted_use,portrait\n"
        + "".join(
            f"{people}/{number}.mp4,x:p{number},train,research,{tmp_path / name if name else ''}\n"
            for number, name in enumerate(pictures)
        )
    )
    return write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", workers=0, pairs={"self": False})


def test_the_reason_of_a_failed_portrait_is_at_check_and_in_the_tables_and_no_retry_changes_it(people, tmp_path):
    portrait("astronaut").save(tmp_path / "cut.jpg")
    content = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    recipe = recipe_with(people, tmp_path, "cut.jpg", "phone.heic", "")
    (finding,) = check(recipe).at_level("error")
    assert finding.topic == "portraits"
    assert "x:p0: cut.jpg: truncated: damaged, or its end is missing" in finding.message
    assert "x:p1: phone.heic: unreadable: a HEIC picture" in finding.message
    outcome = build(recipe)
    results = {identity: made.result for identity, made in outcome.portraits.items()}
    assert (results["x:p0"].reason, results["x:p0"].settled) == ("truncated", True)
    assert (results["x:p1"].reason, results["x:p1"].settled) == ("unreadable", True)
    flags = outcome.identities.set_index("identity")["flags"]
    assert flags["x:p0"] == ["no_portrait", "portrait_given", "portrait_truncated"]
    assert flags["x:p1"] == ["no_portrait", "portrait_given", "portrait_unreadable"]
    card = (tmp_path / "dataset" / "README.md").read_text()
    assert "People without a usable portrait" in card
    assert "| x:p1 | failed | unreadable | a HEIC picture, as phones make them; save it as JPEG or PNG |" in card


def test_a_grey_portrait_of_16_bits_is_used(people, tmp_path):
    from PIL import Image

    grey = np.asarray(portrait("astronaut").convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / "grey.png")
    recipe = recipe_with(people, tmp_path, "grey.png", "", "")
    assert check(recipe).passed
    outcome = build(recipe, until="plan")
    assert outcome.portraits["x:p0"].result.state == "ok"
    stored = np.asarray(Image.open(tmp_path / "dataset" / outcome.portraits["x:p0"].path))
    assert np.array_equal(stored[..., 1], grey // 257)


def test_a_picture_with_several_faces_is_flagged_and_one_of_two_people_is_refused(people, tmp_path):
    from PIL import Image

    faces = [portrait(person).resize((300, 300)) for person in ("astronaut", "hopper")]
    both = Image.new("RGB", (600, 300))
    for number, face in enumerate(faces):
        both.paste(face, (300 * number, 0))
    both.save(tmp_path / "both.png")
    faces[1].save(tmp_path / "same.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "same.png").read_bytes())
    recipe = recipe_with(people, tmp_path, "both.png", "same.png", "copy.png")
    report = check(recipe)
    warnings = [finding for finding in report.at_level("warning") if finding.topic != "protocols"]
    assert [finding.message for finding in warnings] == [
        "1 picture: x:p0: both.png: more than one face; the largest is taken"
    ]
    outcome = build(recipe, until="plan")
    assert outcome.portraits["x:p0"].flags == ("portrait_given", "portrait_several_faces")
    assert {outcome.portraits[f"x:p{number}"].result.reason for number in (1, 2)} == {"conflicting_identity"}
    (tmp_path / "clips.csv").write_text((tmp_path / "clips.csv").read_text().replace("copy.png", "same.png"))
    (finding,) = check(recipe).at_level("error")
    assert "same.png is listed for x:p1, x:p2" in finding.message

"""The viewer over real HTTP: who is let in, what it answers, and what it never shows."""

import io
import json
import shutil
import socket
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA
from nvfair_tools.quality.motion import compare_motion
from tests.nvfair_tools.viewer.conftest import FRAMES, Site, serve

pytest.importorskip("starlette")
HOPPER, ASTRONAUT = "museum:hopper", "museum:astronaut"


def ask(site: Site, path: str, **parameters: str) -> dict:
    answer = site.get(f"{path}?{urlencode(parameters)}")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def rows_where(folder: Path, **values: str) -> pd.DataFrame:
    videos = Dataset.open(folder).videos
    for name, value in values.items():
        videos = videos[videos[name] == value]
    return videos


def rewrite_videos(folder: Path, change) -> None:
    """Writes videos.parquet anew after `change(table)`; a new file, as copies share their bytes."""
    table = pq.read_table(folder / "videos.parquet").to_pandas()
    change(table)
    (folder / "videos.parquet").unlink()
    pq.write_table(pa.Table.from_pandas(table, VIDEOS_SCHEMA, preserve_index=False), folder / "videos.parquet")


@contextmanager
def serving(folder: Path, **options: bool):
    with closing(serve(folder, **options)) as sites:
        yield next(sites)


def test_only_a_browser_that_knows_the_token_is_let_in(site):
    assert site.get("/", knows_token=False).status == 403
    assert b"token" in site.get("/", knows_token=False).body
    assert site.get("/api/set", knows_token=False).status == 403
    assert site.get("/?token=wrong", knows_token=False).status == 403
    assert site.get("/api/set", knows_token=False, cookie="nvfair_view_a-token-=wrong").status == 403
    assert site.get("/").status == 200


def test_other_names_of_this_machine_and_other_methods_are_refused(site):
    assert site.get("/api/set", host="attacker.example:80").status == 421
    assert site.get("/api/set", host="127.0.0.1.attacker.example").status == 421
    assert site.get("/api/set", host="localhost:1234").status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert site.get("/api/set", method=method).status == 405


def test_every_answer_forbids_scripts_of_others_and_copies_in_the_browser(site):
    for path in ("/", "/static/main.js", "/api/set", "/nothing"):
        headers = site.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    page = site.get("/").body.decode()
    assert "<style" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_list_counts_states_and_pages(site, built):
    videos = Dataset.open(built).videos
    first = ask(site, "/api/videos", size="3")
    assert (first["total"], first["count"], len(first["videos"])) == (len(videos), len(videos), 3)
    rest = ask(site, "/api/videos", size="60", start="3")
    ids = [card["video"] for card in first["videos"] + rest["videos"]]
    assert sorted(ids) == sorted(videos["video"])
    failed = ask(site, "/api/videos", state="failed")
    assert [card["reason"] for card in failed["videos"]] == ["truncated"]
    assert not failed["videos"][0]["picture"]
    assert dict(map(lambda choice: choice[:2], failed["facets"]["reason"]["choices"])) == {"truncated": 1}
    assert site.get("/api/videos?start=-1").status == 400


def test_a_scene_has_source_portrait_and_all_renderings_of_the_clip_on_the_face(site, built):
    row = rows_where(built, generator="warp-parts", driver=HOPPER, target=ASTRONAUT).iloc[0]
    scene = ask(site, "/api/video", video=row["video"])
    panels = scene["panels"]
    assert [panel["generator"] for panel in panels] == [None, "warp-dense", "warp-parts"]
    assert [panel["synthetic"] for panel in panels] == [False, True, True]
    assert {panel["frames"] for panel in panels} == {FRAMES}
    assert panels[0]["video"] == row["clip"]
    assert scene["portrait"]["picture"]
    assert [link[0] for link in scene["other_targets"]["people"]] == [ASTRONAUT, HOPPER]
    assert [link[0] for link in scene["other_drivers"]["people"]] == [ASTRONAUT, HOPPER]
    uses = {use["use"]: use["permitted"] for use in scene["facts"][row["video"]]["uses"]}
    assert (uses["training"], uses["redistribution"]) == (True, False)
    assert scene["facts"][row["video"]]["columns"]["sha256"] == row["sha256"]


def test_a_video_knows_its_place_among_the_filtered_ones(site):
    cards = ask(site, "/api/videos", kind="cross")["videos"]
    ids = [card["video"] for card in cards]
    place = ask(site, "/api/video", video=ids[1], kind="cross")["place"]
    assert place == {"number": 2, "count": len(ids), "previous": ids[0], "next": ids[2]}
    outside = ask(site, "/api/video", video=ids[1], kind="real")["place"]
    assert (outside["number"], outside["previous"]) == (None, None)


def test_a_rejected_and_a_failed_clip_say_why(site, built):
    for state, reason in (("failed", "truncated"), ("rejected", "use_not_permitted")):
        row = rows_where(built, state=state).iloc[0]
        panel = ask(site, "/api/video", video=row["video"])["panels"][0]
        assert (panel["state"], panel["reason"], panel["detail"]) == (state, reason, row["detail"])
        assert not panel["picture"]


def test_landmarks_and_curves_are_those_of_the_set(site, built):
    data = Dataset.open(built)
    row = rows_where(built, generator="warp-dense", driver=HOPPER, target=ASTRONAUT).iloc[0]
    stored = data.tracks([row["video"]]).landmarks
    sent = np.frombuffer(site.get(f"/landmarks?video={row['video']}").body, "<f4").reshape(-1, 126, 2)
    np.testing.assert_array_equal(sent, stored)
    channels = {channel["name"]: channel for channel in ask(site, "/api/series", video=row["video"])["channels"]}
    corners = stored[:, 41] - stored[:, 53]  # the outer eye corners, mesh points 33 and 263
    opening = stored[:, 104] - stored[:, 112]  # inner lips in the middle, mesh points 13 and 14
    expected = np.linalg.norm(opening, axis=1) / np.linalg.norm(corners, axis=1)
    np.testing.assert_allclose(channels["mouth_open"]["values"], expected, atol=1e-4)
    transfer = compare_motion(stored, data.tracks([row["clip"]]).landmarks)
    for name, channel in channels.items():
        if channel["correlation"] is not None:
            assert channel["correlation"] == pytest.approx(transfer.correlation[name], abs=1e-3)


def test_videos_come_in_ranges_and_pictures_say_that_they_are_synthetic(site, built):
    row = rows_where(built, generator="warp-dense").iloc[0]
    content = (built / row["path"]).read_bytes()
    part = site.get(f"/media?video={row['video']}", range="bytes=100-299")
    assert (part.status, part.body) == (206, content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(content)}"
    assert part.headers["content-type"] == "video/mp4"
    thumbnail = site.get(f"/thumbnail?video={row['video']}")
    with Image.open(io.BytesIO(thumbnail.body)) as picture:
        assert max(picture.size) == 224
        assert picture.getexif()[0x010E] == "synthetic"
        assert picture.getpixel((2, picture.height - 3))[0] > 120  # the red patch of the mark
        assert picture.getpixel((2, picture.height - 3))[1] < 80
    with Image.open(io.BytesIO(site.get(f"/portrait?person={quote(row['target'])}").body)) as portrait:
        assert portrait.format == "JPEG"


def test_the_thumbnail_is_the_first_frame_with_a_face(copy):
    row = rows_where(copy, generator="warp-dense").iloc[0]
    part = pq.ParquetFile(copy / row["part"])
    table, first = part.read(), int(row["first_row"])
    valid = table.column("valid").to_numpy().copy()
    valid[first : first + 7] = False
    (copy / row["part"]).unlink()
    place = table.schema.get_field_index("valid")
    pq.write_table(table.set_column(place, "valid", pa.array(valid)), copy / row["part"])
    from nvfair_tools.viewer.thumbnails import first_face

    assert first_face(copy, row) == 7


def test_a_path_that_leads_out_of_the_folder_is_not_followed(copy, tmp_path):
    outside = tmp_path / "outside.mp4"
    row = rows_where(copy, generator="warp-dense").iloc[0]
    shutil.copy(copy / row["path"], outside)

    def lead_out(table: pd.DataFrame) -> None:
        table.loc[table["video"] == row["video"], "path"] = "../outside.mp4"

    rewrite_videos(copy, lead_out)
    with serving(copy) as site:
        assert site.get(f"/media?video={row['video']}").status == 404
        assert site.get("/static/../app.py").status == 404
        assert site.get("/static/%2e%2e/app.py").status == 404


def test_pictures_of_a_person_who_is_not_to_be_shown_stay_hidden_and_landmarks_remain(copy):
    def forbid(table: pd.DataFrame) -> None:
        is_hopper = (table["target"] == HOPPER) | (table["driver"] == HOPPER)
        table.loc[is_hopper, "permitted_use"] = "research; no display"

    rewrite_videos(copy, forbid)
    refused = rows_where(copy, generator="warp-dense", driver=HOPPER, target=ASTRONAUT).iloc[0]["video"]
    free = rows_where(copy, generator="warp-dense", driver=ASTRONAUT, target=ASTRONAUT).iloc[0]["video"]
    with serving(copy) as site:
        assert site.get(f"/media?video={refused}").status == 404
        assert site.get(f"/thumbnail?video={refused}").headers["content-type"] == "image/svg+xml"
        assert site.get(f"/landmarks?video={refused}").status == 200
        assert b"no display" in site.get(f"/media?video={refused}").body
        assert site.get(f"/media?video={free}").status == 200
        panels = ask(site, "/api/video", video=free)["panels"]
        assert all(
            panel["picture"] and panel["not_public"] for panel in panels
        )  # nobody was asked: on this machine only
    with serving(copy, show_refused=True) as site:
        assert site.get(f"/media?video={refused}").status == 200
        panel = ask(site, "/api/video", video=refused)["panels"][1]
        assert "no display" in panel["not_public"]


def test_a_set_without_videos_is_drawn_from_its_landmarks(cohort_site, cohort):
    row = rows_where(cohort, kind="cross").iloc[0]
    scene = ask(cohort_site, "/api/video", video=row["video"])
    assert all(panel["landmarks"] and not panel["picture"] and panel["synthetic"] for panel in scene["panels"])
    drawing = cohort_site.get(f"/thumbnail?video={row['video']}")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert drawing.body.count(b"<polyline") == 11


def test_a_missing_or_damaged_file_is_named_and_the_others_still_come(copy):
    rows = rows_where(copy, state="ok", generator="warp-dense")
    gone, damaged, whole = (rows.iloc[n] for n in range(3))
    (copy / gone["path"]).unlink()
    (copy / damaged["path"]).unlink()
    (copy / damaged["path"]).write_bytes(b"not a video at all" * 100)
    with serving(copy) as site:
        panel = next(
            panel for panel in ask(site, "/api/video", video=gone["video"])["panels"] if panel["video"] == gone["video"]
        )
        assert panel["missing"]
        assert not panel["picture"]
        assert site.get(f"/media?video={gone['video']}").status == 404
        answer = site.get(f"/thumbnail?video={damaged['video']}")
        assert answer.status == 404
        assert damaged["path"] in json.loads(answer.body)["error"]
        assert site.get(f"/thumbnail?video={whole['video']}").status == 200
        part = copy / gone["part"]
        content = part.read_bytes()
        part.unlink()
        part.write_bytes(content[: len(content) // 2])
        answer = site.get(f"/landmarks?video={gone['video']}")
        assert answer.status == 404
        assert part.name in json.loads(answer.body)["error"]


def test_a_set_that_becomes_unreadable_says_so_and_is_read_again_afterwards(copy):
    with serving(copy) as site:
        assert site.get("/api/videos").status == 200
        (copy / "dataset.json").rename(copy / "aside.json")
        answer = site.get("/api/videos")
        assert answer.status == 503
        assert "not a finished data set" in json.loads(answer.body)["error"]
        (copy / "dataset.json").write_text('{"format_version": 99}')
        assert "99" in json.loads(site.get("/api/set").body)["error"]
        (copy / "dataset.json").unlink()
        (copy / "aside.json").rename(copy / "dataset.json")
        assert site.get("/api/videos").status == 200


def test_nothing_is_written_into_the_folder(copy):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    row = rows_where(copy, generator="warp-dense").iloc[0]["video"]
    with serving(copy) as site:
        for path in (
            "/",
            "/api/videos",
            f"/api/video?video={row}",
            f"/thumbnail?video={row}",
            f"/api/series?video={row}",
        ):
            assert site.get(path).status == 200
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_it_listens_on_the_loopback_address_alone_and_names_a_port_in_use():
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.viewer.serve import listen

    with listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(NvfairError, match=f"port {port} cannot be used"):
            listen(port)
    assert isinstance(listening, socket.socket)

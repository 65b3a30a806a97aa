"""A row of a person that is planted in any kind of place is found; another person's is not."""

import base64
import gzip
import io
import re
import sqlite3
import tarfile
import zipfile
import zlib
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.governance.revocation import Trace
from nvfair_tools.governance.search.folders import search_folders
from nvfair_tools.governance.search.patterns import Patterns, _hexadecimal_runs

PERSON = "museum:astronaut"
ITEM, CONTENT = "0123456789abcdef0123", "5e" * 32
TRACE = Trace.of(PERSON).joined(
    Trace(PERSON, frozenset({"Sally"}), frozenset({ITEM, CONTENT}), frozenset({"museum:astronaut2"}))
)


def search(folder):
    return search_folders([folder], Patterns.of(TRACE))


def parquet(folder, table, **options):
    pq.write_table(table, folder / "table.parquet", compression="zstd", **options)
    return folder / "table.parquet"


def dictionary_column(folder):
    """A name that no row uses any more, but that the dictionary of the column keeps: many equal bytes, compressed."""
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 9, pa.int32()), pa.array(["other:one", PERSON] + ["x" * 300]))
    return parquet(folder, pa.table({"driver": names}))


def list_column(folder):
    return parquet(folder, pa.table({"lineage": [[["a" * 400], [PERSON, "b" * 400]]]}))


def metadata_of_table(folder):
    return parquet(folder, pa.table({"x": [1]}).replace_schema_metadata({"cohort": f'{{"drivers": ["{PERSON}"]}}'}))


def arrow_stream(folder):
    table = pa.table({"driver": [PERSON] * 1000})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    file = pa.OSFile(str(folder / "cache.arrow"), "wb")
    with file, pa.ipc.new_stream(file, table.schema, options=options) as writer:
        writer.write_table(table)
    return folder / "cache.arrow"


def database(folder):
    connection = sqlite3.connect(folder / "journal.sqlite")
    connection.execute("CREATE TABLE items (id TEXT, facts TEXT)")
    return connection


def free_page(folder):
    connection = database(folder)
    connection.execute("PRAGMA secure_delete=OFF")
    connection.executemany("INSERT INTO items VALUES (?, ?)", [(str(n), f"{PERSON} {n}" * 9) for n in range(200)])
    connection.commit()
    connection.execute("DELETE FROM items")
    connection.commit()
    assert connection.execute("SELECT COUNT(*) FROM items").fetchone() == (0,)
    connection.close()
    return folder / "journal.sqlite"


def write_ahead_log(folder):
    """A deleted row that the log alone has; the connection stays open, as after a kill."""
    connection = database(folder)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("INSERT INTO items VALUES ('1', ?)", (PERSON,))
    connection.commit()
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("DELETE FROM items")
    connection.commit()
    LEFT_OPEN.append(connection)
    assert PERSON.encode() not in (folder / "journal.sqlite").read_bytes()
    return folder / "journal.sqlite-wal"


LEFT_OPEN: list[sqlite3.Connection] = []


def name_across_pages(folder):
    """A long text lies in pieces on several pages, so that the name is in two of them."""
    connection = database(folder)
    for start in range(4040, 4110, 7):
        connection.execute("INSERT INTO items VALUES (?, ?)", (str(start), "-" * start + PERSON + "-" * 5000))
    connection.commit()
    connection.close()
    return folder / "journal.sqlite"


def packed_member(folder):
    with zipfile.ZipFile(folder / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        inner = io.BytesIO()
        pq.write_table(pa.table({"target": [PERSON] * 500 + ["x"]}), inner, compression="zstd")
        archive.writestr("evidence/videos.parquet", inner.getvalue())
    return folder / "bundle.zip"


def numpy_texts(folder):
    np.savez(folder / "names.npz", names=np.array(["x", PERSON]))
    return folder / "names.npz"


def packed_log(folder):
    with gzip.open(folder / "build.log.gz", "wt") as file:
        file.write(f"rendering {PERSON} " * 50)
    return folder / "build.log.gz"


def backup(folder):
    with tarfile.open(folder / "backup.tar.gz", "w:gz") as archive:
        content = f'{{"declaration": "{PERSON}"}}'.encode() * 20
        member = tarfile.TarInfo("tables/submissions.jsonl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return folder / "backup.tar.gz"


def picture(folder):
    Image = pytest.importorskip("PIL.Image")
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("target", PERSON * 30, zip=True)
    Image.new("RGB", (4, 4)).save(folder / "portrait.png", pnginfo=text)
    assert PERSON.encode() not in (folder / "portrait.png").read_bytes()
    return folder / "portrait.png"


def tag(folder, name):
    media = pytest.importorskip("nvfair_tools.media")
    pytest.importorskip("av")
    images = (np.zeros((16, 16, 3), np.uint8) for _ in range(3))
    media.encode(folder / name, images, Fraction(25), metadata={"driver": PERSON})
    return folder / name


def plain(name, content):
    def plant(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return plant


def folder_name(folder):
    (folder / "videos" / "museum_astronaut").mkdir(parents=True)
    return folder / "videos" / "museum_astronaut"


def link(folder):
    (folder / "a").symlink_to("../elsewhere/museum_astronaut.png")
    return folder / "a"


def across_blocks(folder):
    (folder / "large").write_bytes(bytes((8 << 20) - 5) + PERSON.encode())
    return folder / "large"


PLACES = {
    "a log": plain("build.log", f"driver {PERSON} was rendered\n".encode()),
    "upper case": plain("list.csv", b"MUSEUM:ASTRONAUT,1\n"),
    "a URL": plain("page.html", b'<a href="/people/museum%3aastronaut">'),
    "HTML": plain("page.html", b"museum&#58;astronaut"),
    "UTF-16": plain("notes.txt", PERSON.encode("utf-16")),
    "Base64": plain("token.txt", base64.b64encode(b"ab" + PERSON.encode() + b"?")),
    "a hash in JSON": plain("x.json", f'{{"clip": "{CONTENT.upper()}"}}'.encode()),
    "an item in a row without separators": plain("row.bin", b"train" + ITEM.encode() + b"0videos"),
    "a packed hash": plain("ids.bin", b"\x00\x07" + bytes.fromhex(ITEM) + b"\x07"),
    "between two blocks": across_blocks,
    "the name of a folder": folder_name,
    "the name of a file": plain("hopper--a--museum_astronaut.mp4.part", b""),
    "the target of a link": link,
    "a dictionary of Parquet": dictionary_column,
    "lists in Parquet": list_column,
    "metadata of Parquet": metadata_of_table,
    "a stream of Arrow": arrow_stream,
    "a free page": free_page,
    "a write-ahead log": write_ahead_log,
    "a text across pages": name_across_pages,
    "Parquet in a zip": packed_member,
    "texts of numpy": numpy_texts,
    "a packed log": packed_log,
    "a backup": backup,
    "a text of a picture": picture,
    "a tag of mp4": lambda folder: tag(folder, "a.mp4"),
    "a tag of mkv": lambda folder: tag(folder, "a.mkv"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_planted_is_found_where_it_is(kind, tmp_path):
    (tmp_path / "innocent.txt").write_text("museum:hopper and museum:astronaut2, 0123456789abcdef0124")
    planted = PLACES[kind](tmp_path)
    report = search(tmp_path)
    assert {place.path for place in report.left} == {planted}
    while LEFT_OPEN:
        LEFT_OPEN.pop().close()


def test_others_whose_names_begin_alike_are_not_taken_for_the_person(tmp_path):
    (tmp_path / "museum_astronaut2.txt").write_text("museum:astronaut2 museum%3Aastronaut2 museum_astronaut2--clip.mp4")
    assert search(tmp_path).is_clean


def test_words_that_may_mean_something_else_are_shown_apart(tmp_path):
    (tmp_path / "page.md").write_text("Sally says: an astronaut is no cosmonaut; astronauts are many.\nnot Sallyann")
    report = search(tmp_path)
    assert report.is_clean
    assert sorted(place.hit.form for place in report.possible) == ["Sally", "astronaut"]


def test_a_number_is_looked_for_in_names_and_texts_alone(tmp_path):
    trace = Trace.of("ravdess:01")
    (tmp_path / "noise.bin").write_bytes(b" 01 " * 100)
    (tmp_path / "Actor_01.txt").write_bytes(b"")
    report = search_folders([tmp_path], Patterns.of(trace))
    assert {place.path.name for place in report.possible} == {"Actor_01.txt"}
    assert {place.hit.form for place in report.possible} == {"Actor_01", "01"}


def test_runs_of_digits_are_those_of_a_regular_expression():
    random = np.random.default_rng(0)
    letters = np.frombuffer(b"0123456789abcdefg\0", np.uint8)
    for shortest in (8, 20, 21):
        for odds in (0.8, 0.95, 1.0):
            chosen = np.where(random.random(5000) < odds, random.integers(0, 16, 5000), random.integers(16, 18, 5000))
            content = letters[chosen].tobytes()
            expected = [run.span() for run in re.finditer(rb"[0-9a-f]{%d,}" % shortest, content)]
            assert list(_hexadecimal_runs(content, shortest)) == expected


def test_hashes_are_found_by_their_keyed_digests_alone(tmp_path):
    key = CuratorKey(bytes(32))
    digests = {key.digest("trace", CONTENT)}
    (tmp_path / "list.json").write_text(f'["{CONTENT}", "{"5d" * 32}"]')
    patterns = Patterns.of(Trace.of(PERSON), lambda digest: key.digest("trace", digest) in digests)
    (place,) = search_folders([tmp_path], patterns).left
    assert (place.hit.kind, place.hit.form, place.hit.offset) == ("hash", CONTENT, 2)


def test_a_file_that_cannot_be_decoded_is_no_clean_one(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no footer")
    report = search(tmp_path)
    assert not report.left
    assert sorted(path.name for path, _ in report.unreadable) == ["cut.gz", "cut.parquet"]
    assert not report.is_clean


def test_compressed_text_of_a_picture_may_be_international(tmp_path):
    text = b"driver\0\1\0\0\0" + zlib.compress(PERSON.encode() * 9)
    chunk = len(text).to_bytes(4, "big") + b"iTXt" + text + bytes(4)
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    assert [place.place for place in search(tmp_path).left][:1] == ["text driver"]

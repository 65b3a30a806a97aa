"""The XMP packet of an encoded video, read by our own reader and by exiftool."""

import json
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from nvfair_tools.media import decode, encode, probe
from nvfair_tools.media.source_types import SOURCE_TYPES
from nvfair_tools.media.xmp import PACKET_BYTES, XMP_BOX, append_xmp, read_xmp, top_level_boxes, xmp_packet

URI = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
TAGS = {"synthetic": "true", "digital_source_type": "algorithmicMedia", "target": "cremad:1001", "licence": "CC0-1.0"}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("xmp") / "a.mp4"
    frames = [np.full((64, 64, 3), 20 * number, np.uint8) for number in range(8)]
    encode(path, frames, Fraction(25), metadata=TAGS)
    return path


def box_kinds(path):
    with open(path, "rb") as file:
        return [kind for kind, _, _ in top_level_boxes(file)]


def test_the_packet_stands_at_the_end_and_moves_nothing(video, tmp_path):
    kinds = box_kinds(video)
    assert kinds[-1] == b"uuid"
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    bare = tmp_path / "bare.mp4"
    bare.write_bytes(video.read_bytes()[: -(8 + 16 + PACKET_BYTES)])
    assert box_kinds(bare) == kinds[:-1]
    pictures = [[frame.image for frame in decode(path)] for path in (bare, video)]
    np.testing.assert_array_equal(*pictures)
    assert probe(video).metadata["target"] == "cremad:1001"


def test_a_file_without_tags_has_no_packet(tmp_path):
    encode(tmp_path / "a.mp4", [np.zeros((64, 64, 3), np.uint8)], Fraction(25))
    assert not read_xmp(tmp_path / "a.mp4").found_packet
    assert b"uuid" not in box_kinds(tmp_path / "a.mp4")


@pytest.mark.parametrize("term", ["", *sorted(SOURCE_TYPES)])
def test_every_packet_has_the_same_length_and_says_its_term(tmp_path, term):
    path = tmp_path / "a.mp4"
    append_xmp(path, term)
    assert path.stat().st_size == 8 + 16 + PACKET_BYTES
    reading = read_xmp(path)
    assert (reading.found_packet, reading.source_type, reading.problem) == (True, term, "")


def as_box(packet):
    payload = XMP_BOX.bytes + packet
    return (8 + len(payload)).to_bytes(4, "big") + b"uuid" + payload


def packet_of(inner):
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}" xmlns:i="{iptc}">{inner}</rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.mark.parametrize(
    "inner",
    [
        f'<rdf:Description rdf:about="" i:DigitalSourceType="{URI}"/>',
        f'<rdf:Description rdf:about=""><i:DigitalSourceType rdf:resource="{URI}"/></rdf:Description>',
        f"<rdf:Description><i:DigitalSourceType> {URI.replace('http:', 'https:')} </i:DigitalSourceType>"
        "</rdf:Description>",
    ],
)
def test_the_forms_that_other_programs_write_are_read(tmp_path, inner):
    (tmp_path / "a.mp4").write_bytes(as_box(packet_of(inner)))
    assert read_xmp(tmp_path / "a.mp4").source_type == "algorithmicMedia"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (as_box(b"<x:xmpmeta"), "cannot be read"),
        (as_box(b"\xff\xfe"), "cannot be read"),
        (
            as_box(packet_of('<rdf:Description i:DigitalSourceType="http://a/b"/>')),
            "no single term of IPTC: http://a/b",
        ),
        (as_box(xmp_packet("")) * 2, "2 XMP packets"),
        (as_box(b" " * (1 << 21)), "more than 1,048,576 bytes"),
    ],
)
def test_a_packet_that_is_wrong_is_a_problem_in_words(tmp_path, content, problem):
    (tmp_path / "a.mp4").write_bytes(content)
    reading = read_xmp(tmp_path / "a.mp4")
    assert reading.found_packet
    assert not reading.source_type
    assert problem in reading.problem


@pytest.mark.parametrize("content", [b"", b"\0", b"no video at all, but bytes", as_box(xmp_packet(""))[:-1]])
def test_other_files_have_no_packet(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    assert not read_xmp(tmp_path / "a.mp4").found_packet


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool (Debian: libimage-exiftool-perl) is absent")
def test_exiftool_reads_the_source_type_and_our_own_tags(video):
    command = ["exiftool", "-json", "-G1", "-a", "-validate", "-warning", str(video)]
    (plain,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert plain.get("ExifTool:Validate", "OK") == "OK", plain
    command = ["exiftool", "-json", "-G1", "-a", str(video)]
    (read,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert read["XMP-iptcExt:DigitalSourceType"] == URI
    own = {key.removeprefix("Keys:").lower(): value for key, value in read.items() if key.startswith("Keys:")}
    assert {str(value) for value in own.values()} >= {"cremad:1001", "CC0-1.0", "algorithmicMedia"}, own

"""The XMP packet of a video: what it says in the words of standards, in a box of its own at the end of the file.

XMP's part 3 (ISO 16684-1 for the model) puts the packet of an MPEG-4 file into a top-level `uuid` box. At the end of
the file it moves nothing: `moov` stays before `mdat`, and no offset of a sample changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID
from xml.etree import ElementTree

from nvfair_tools.media.source_types import SOURCE_TYPE_URI, source_type_term

XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
# The length of every packet, whatever it says: a file's size tells nothing of its kind.
PACKET_BYTES = 1024
_LONGEST_PACKET = 1 << 20  # that is read; ours are much shorter
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PROPERTY = f"{{{_IPTC}}}DigitalSourceType"
# The identifier is XMP's own, the same in every packet of the world.
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_END = '<?xpacket end="w"?>'


@dataclass(frozen=True)
class XmpReading:
    """What a file's XMP packet says.

    found_packet: whether there is one. source_type: a term of IPTC's vocabulary, or "". problem: "" or what is wrong
    with the packet, in words.
    """

    found_packet: bool
    source_type: str = ""
    problem: str = ""


def append_xmp(path: Path, source_type: str) -> None:
    """Appends an XMP box to an mp4 whose bytes are complete. source_type: a term, or "" for a packet without a claim.

    The box has the same length for every term.
    """
    payload = XMP_BOX.bytes + xmp_packet(source_type)
    with open(path, "ab") as file:
        file.write((8 + len(payload)).to_bytes(4, "big") + b"uuid" + payload)


def xmp_packet(source_type: str) -> bytes:
    """The packet with a digital source type, padded to PACKET_BYTES. source_type: a term, or ""."""
    claim = (
        f' xmlns:Iptc4xmpExt="{_IPTC}">\n'
        f"   <Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE_URI}{source_type}</Iptc4xmpExt:DigitalSourceType>\n"
        "  </rdf:Description>\n"
        if source_type
        else "/>\n"
    )
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f' <rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'  <rdf:Description rdf:about=""{claim}'
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
    )
    start, end = (_BEGIN + text).encode(), _END.encode()
    padding = PACKET_BYTES - len(start) - len(end)
    assert padding >= 0, f"the packet of {source_type!r} is longer than {PACKET_BYTES} bytes"
    return start + b" " * padding + end


def read_xmp(path: Path) -> XmpReading:
    """What the XMP packet of an mp4 or mov file says; files of other kinds have none that is read here.

    Raises OSError where the file cannot be read.
    """
    packets = []
    with open(path, "rb") as file:
        for kind, start, length in top_level_boxes(file):
            if kind == b"uuid" and length >= len(XMP_BOX.bytes):
                file.seek(start)
                if file.read(len(XMP_BOX.bytes)) == XMP_BOX.bytes:
                    packets.append(file.read(min(length - len(XMP_BOX.bytes), _LONGEST_PACKET + 1)))
    if not packets:
        return XmpReading(False)
    if len(packets) > 1:
        return XmpReading(True, problem=f"{len(packets)} XMP packets in place of one")
    return _read_packet(packets[0])


def top_level_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of an ISO media file (ISO/IEC 14496-12) as (kind, where the content starts, its length in bytes).

    Ends at the first bytes that are no box, or that reach beyond the file's end.
    """
    size, position = file.seek(0, 2), 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind, head = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1 and len(header) == 16:  # the length is too large for its first field
            length, head = int.from_bytes(header[8:16], "big"), 16
        elif length == 0:  # to the end of the file
            length = size - position
        if length < head or position + length > size:
            return
        yield kind, position + head, length - head
        position += length


def _read_packet(packet: bytes) -> XmpReading:
    """What one packet says; IPTC's property may be an element, a resource or an attribute, as RDF allows."""
    if len(packet) > _LONGEST_PACKET:
        return XmpReading(True, problem=f"its XMP packet has more than {_LONGEST_PACKET:,} bytes")
    try:
        root = ElementTree.fromstring(packet.decode("utf-8").strip("\ufeff \r\n\t\0"))
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        return XmpReading(True, problem=f"its XMP packet cannot be read: {error}")
    values = [
        element.get(f"{{{_RDF}}}resource") or (element.text or "").strip() for element in root.iter(_PROPERTY)
    ] + [element.attrib[_PROPERTY] for element in root.iter() if _PROPERTY in element.attrib]
    if not values:
        return XmpReading(True)
    terms = {source_type_term(value) for value in values}
    if len(terms) > 1 or "" in terms:
        return XmpReading(True, problem=f"its digital source type is no single term of IPTC: {', '.join(values)}")
    return XmpReading(True, terms.pop())

"""Videos in and out: what a file really holds, its frames, and one reproducible way to write frames down."""

from nvfair_tools.media.decoding import Frame, decode
from nvfair_tools.media.encoding import EncodedInfo, encode
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.probing import MediaInfo, probe

__all__ = ["EncodedInfo", "Frame", "MediaError", "MediaInfo", "decode", "encode", "probe"]

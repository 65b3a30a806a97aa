"""Videos: probing and decoding of files, and one reproducible encoder."""

from nvfair_tools.media.decoding import Frame, decode
from nvfair_tools.media.encoding import EncodedInfo, encode
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.probing import MediaInfo, glance, probe

__all__ = ["EncodedInfo", "Frame", "MediaError", "MediaInfo", "decode", "encode", "glance", "probe"]

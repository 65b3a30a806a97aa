"""What x264 needs to be told so that equal frames give equal bytes in any process, on any processor of one family.

x264's AVX-512 code reads memory that nobody has written where a row of macroblocks is not a multiple of eight of them
(a width that 128 does not divide). A new program's memory is empty, so that its files are still the same each time; a
process that has encoded before writes other files. The AVX2 code is as fast, has no such fault, and gives the bytes of
processors without AVX-512.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@lru_cache(maxsize=1)
def steady_options() -> dict[str, str]:
    """Options of the encoder in ffmpeg's names: {"x264-params": "asm=avx2"} on a processor with AVX-512, else none.

    x264 takes the name as an order, and a processor that lacks the instructions would end the process.
    """
    return {"x264-params": "asm=avx2"} if _has_avx512() else {}


def _has_avx512() -> bool:
    if _CPUINFO.exists():  # Linux
        return re.search(r"^flags\s*:.*\bavx512f\b", _CPUINFO.read_text(encoding="utf-8"), re.MULTILINE) is not None
    import numpy as np

    internals = getattr(np, "_core", None) or np.core
    return bool(internals._multiarray_umath.__cpu_features__.get("AVX512F"))

"""What pip cannot install: checked first, each problem with its remedy. Needs nothing but Python."""

import ctypes
import importlib.util
import shutil
import sys

LIBRARIES = {"libGL.so.1": "libgl1", "libglib-2.0.so.0": "libglib2.0-0"}  # both wanted by OpenCV, on Linux
if sys.version_info >= (3, 13):
    LIBRARIES |= {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2"}  # wanted by the landmarker of later Pythons


def problems():
    if sys.version_info[:2] < (3, 11):  # noqa: UP036 - what is run before anything is installed
        version = ".".join(map(str, sys.version_info[:2]))
        yield (
            f"Python {version} is not supported: install 3.11 to 3.14 and run: make PYTHON=python3.11 ... (on 3.13 and "
            "later the landmarker needs a model file, see docs/landmarks.md; on 3.11 and 3.12 it needs none)"
        )
    if importlib.util.find_spec("ensurepip") is None:
        yield "this Python cannot make virtual environments: apt-get install python3-venv"
    if sys.platform.startswith("linux"):
        for library, package in LIBRARIES.items():
            try:
                ctypes.CDLL(library)
            except OSError:
                yield f"the system library {library} is missing: apt-get install {package}"
    if shutil.disk_usage(".").free < 4e9:
        yield "less than 4 GB of disk is free here: the virtual environment takes about 2.5 GB, the demo some 100 MB"


if __name__ == "__main__":
    result = list(problems())
    for problem in result:
        print(f"before set-up: {problem}", file=sys.stderr)
    sys.exit(bool(result))

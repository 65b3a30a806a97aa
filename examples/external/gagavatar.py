"""GAGAvatar as a server: copy this file and nvfair_tool.py into its folder. Never run on the real tool.

It runs the two documented commands: one tracks a driving clip, the other renders a portrait with it.
"""

import os
import shutil
import subprocess
import sys

from nvfair_tool import serve

HERE = os.path.dirname(os.path.abspath(__file__))
TRACKER = os.path.join(HERE, "core", "libs", "GAGAvatar_track")
tracked = ""  # the clip that was tracked last


def stem(path):
    """A file's name up to its first dot, by which both programs name what they write."""
    return os.path.basename(path).split(".")[0]


def render(job):
    """Makes one video; the driving clip is tracked unless it is the last one's."""
    global tracked
    driver = os.path.join(TRACKER, "outputs", stem(job["clip"]))
    if tracked != job["clip"]:
        if tracked:
            shutil.rmtree(os.path.join(TRACKER, "outputs", stem(tracked)), ignore_errors=True)
        tracked = ""
        subprocess.run([sys.executable, "track_video.py", "-v", job["clip"], "--no_vis"], cwd=TRACKER, check=True)
        tracked = job["clip"]
    subprocess.run([sys.executable, "inference.py", "-d", driver, "-i", job["portrait"]], cwd=HERE, check=True)
    name = f"{stem(job['clip'])}_{stem(job['portrait'])}.mp4"
    shutil.move(os.path.join(HERE, "render_results", "GAGAvatar", name), job["out"])


serve("gagavatar", render)

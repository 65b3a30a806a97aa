"""The error of a video that cannot be read or written, with causes that a table can count."""

from __future__ import annotations

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

# cause -> remedy
CAUSES = {
    "unreadable": "check the path, that it may be read, and that it is a video file",
    "no_video": "use a file with a video stream; this one holds only sound or other streams",
    "no_frames": "record or export the clip again: it has a video stream, but not one whole picture",
    "truncated": "copy or download the file again: its end is missing",
    "corrupt": "copy or download the file again: some of its bytes are damaged",
    "no_frame_rate": "export the clip again, with a frame rate",
    "size_changes": "cut the video where its size changes, and list the parts; or export it with ffmpeg -vf scale=W:H",
    "unsupported": "export the clip as H.264 with square pixels and BT.709 colours",
    "not_encoded": "read the encoder's message above",
}


class MediaError(NvfairError):
    """A video that cannot be read or written.

    cause: a key of `CAUSES`:
    "unreadable": missing, forbidden, empty, or not a container that ffmpeg knows (an mp4 cut before its index too);
    "no_video": no video stream; "no_frames": a video stream without one decodable frame;
    "truncated": the file ends before its index says; "corrupt": damaged bytes within the file;
    "no_frame_rate": neither its frames nor its header say how long a frame lasts;
    "size_changes": frames of several sizes; "unsupported": a mark on how to show the frames that cannot be obeyed;
    "not_encoded": writing failed.
    frames: the number of whole frames that were read or written before the error. path: the file. detail: what was
    found, without the cause, the file and the remedy.
    """

    def __init__(self, cause: str, path: object, detail: str, *, frames: int = 0, remedy: str = "") -> None:
        if cause not in CAUSES:
            raise ValueError(f"unknown cause {cause!r}")
        self.cause, self.path, self.frames = cause, str(path), frames
        self.detail = detail
        after = f" after {count_text(frames, 'frame')}" if frames else ""
        super().__init__(f"{cause}{after}: {detail}", where=path, remedy=remedy or CAUSES[cause])

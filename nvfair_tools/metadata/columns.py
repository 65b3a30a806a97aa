"""What each column of a data set's tables means, in words for readers who have nothing but the files."""

from __future__ import annotations

from collections.abc import Mapping

IDENTITIES: Mapping[str, str] = {
    "identity": "The person, as namespace:id.",
    "source": "The collection that the person's recordings are from; reenactments stay within it.",
    "split": "The split of the person: train, validation or test; no person is in two.",
    "aliases": "Other names of the person in files and lists.",
    "clips": "Number of usable recordings.",
    "portrait": "Path of the picture whose face is moved, relative to the data set; null where there is none.",
    "portrait_clip": "Recording that the picture was taken from.",
    "flags": "What is unusual about the person's recordings.",
    "licence": "Licence of the recordings.",
    "consent": "What is known of the person's consent.",
    "permitted_use": "Permitted use, as listed by the curator.",
    "gender": "Gender as stated; null where nothing is known.",
    "age": "Age as stated; null where nothing is known.",
    "ethnicity": "Ethnicity as stated; null where nothing is known.",
}

VIDEOS: Mapping[str, str] = {
    "video": "Id of the video, unique.",
    "kind": "real: a recording; self: the person's own motion on the person's picture; cross: somebody else's motion.",
    "source": "The collection that face and motion are from.",
    "split": "The split of target and driver.",
    "target": "The person whose face is seen.",
    "driver": "The person whose motion is seen: the label of avatar fingerprinting.",
    "clip": "Id of the recording that drives the video; for a real video its own.",
    "clip_name": "Name of that recording's file, without its ending.",
    "generator": "Generator of the video; null for a recording.",
    "generator_family": "Family of the generator: generators of one family share parts.",
    "motion_mode": "How the motion is transferred: absolute or relative, with options.",
    "scenario": "Scenario of the recording, such as scripted or free.",
    "emotion": "Emotion of the recording.",
    "content": "What is spoken or acted; equal contents have equal words.",
    "fps_num": "Numerator of the frame rate in frames a second.",
    "fps_den": "Denominator of the frame rate.",
    "frames": "Number of frames.",
    "width": "Width of the pictures in pixels.",
    "height": "Height of the pictures in pixels.",
    "path": "Path of the video file, relative to the data set; null where there is none.",
    "sha256": "SHA-256 of the video file.",
    "state": "ok, rejected or failed.",
    "reason": "Why the video is not ok; empty where it is.",
    "detail": "The reason in words.",
    "flags": "What is unusual about the video.",
    "licence": "All licences that hold for the video.",
    "consent": "What is known of the consent of target and driver.",
    "permitted_use": "Permitted use, by target and driver.",
    "lineage": "Ids of what the video was made from.",
    "part": "Parquet file with the video's frames, relative to the data set; null where there are none.",
    "first_row": "Row of the video's first frame in that file.",
}

FRAMES: Mapping[str, str] = {
    "video": "Id of the video that the frame belongs to.",
    "driver": "The person whose motion is seen.",
    "target": "The person whose face is seen.",
    "generator": "Generator of the video; null for a recording.",
    "split": "The split of target and driver.",
    "index": "Number of the frame within its video, from 0.",
    "time": "Seconds since the video's first frame.",
    "valid": "Whether a face was tracked in the frame.",
    "reason": "Why it was not; empty where it was.",
    "landmarks": "x0, y0, x1, y1, ... of the landmarks in pixels of the stored video; NaN where valid is false.",
    "distances": "Distances of all pairs of landmarks, divided by the face's scale.",
    "mesh": "x0, y0, z0, x1, ... of the whole face mesh; x and y in pixels.",
}

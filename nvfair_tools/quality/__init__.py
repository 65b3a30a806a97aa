"""The quality of rendered videos, measured: whether the face is there, moves as its driver, and is still the target's.

`motion` compares landmarks, `appearance` pixels, `identity` faces; `measure` puts them together for one video,
`measure_dataset` for a finished data set; `table` stores them, `thresholds` judges, `pictures` shows.
"""

"""Parts of a simulated movement: courses over time, idioms, what happens at onsets, and the camera's framing."""

"""The commands for somebody with a video in hand: enrol, verify, calibrate and the local page."""

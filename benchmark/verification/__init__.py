"""Whether one enrolled person drives a video: enrolment, verification and calibration (docs/verification.md)."""

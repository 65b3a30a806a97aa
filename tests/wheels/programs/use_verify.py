"""[verify] enrols a simulated person and asks about a video; the local page has all that it needs."""

import importlib
from datetime import date
from pathlib import Path

from support import nvfair, small_recipe

import benchmark

small_recipe()
clips = sorted(Path("people").rglob("*.mp4"))
consent = benchmark.stated_consent("form 12", date(2026, 1, 1), scope=["research"])
benchmark.enrol("sim:a", clips[0], consent=consent, out="a.enrolment", method="pretrained:motion-signature")
result = benchmark.verify("a.enrolment", clips[1])
assert result.outcome, result
answer = nvfair("enrol", "sim:a", clips[0], "--simulated", "--out", "b.enrolment", "--dry-run")
assert "nothing was written" in answer, answer
assert not Path("b.enrolment").exists()

importlib.import_module("benchmark.verification.page.app")

"""[verify] enrols a simulated person and asks about a video; the local page has all that it needs."""

import importlib
from datetime import date
from pathlib import Path

from support import small_recipe

import benchmark

small_recipe()
clips = sorted(Path("people").rglob("*.mp4"))
consent = benchmark.stated_consent("form 12", date(2026, 1, 1), scope=["research"])
benchmark.enrol("sim:a", clips[0], consent=consent, out="a.enrolment", method="pretrained:motion-signature")
result = benchmark.verify("a.enrolment", clips[1])
assert result.outcome, result

importlib.import_module("benchmark.verification.page.app")

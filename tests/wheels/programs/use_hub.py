"""[hub] plans what would be sent to the Hub, and sends nothing unasked."""

from support import nvfair, small_cohort

folder = small_cohort()
nvfair("dataset", "card", folder)
assert "nothing was sent" in nvfair("dataset", "push", folder, "lab/clips")

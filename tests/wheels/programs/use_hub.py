"""[hub] plans what would be sent to the Hub, and sends nothing unasked."""

from support import nvfair, small_cohort

assert "nothing was sent" in nvfair("dataset", "push", small_cohort(), "lab/clips")

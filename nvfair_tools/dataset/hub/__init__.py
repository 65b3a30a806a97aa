"""Sending a data set to the Hugging Face Hub: what would be sent, and the sending."""

from nvfair_tools.dataset.hub.plan import PushPlan, SentFile, SignedCopies, plan_push
from nvfair_tools.dataset.hub.sending import SentReport, send

__all__ = ["PushPlan", "SentFile", "SentReport", "SignedCopies", "plan_push", "send"]

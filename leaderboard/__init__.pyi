from .client import Client as Client
from .submission.check import SubmissionCheck as SubmissionCheck
from .submission.check import check_submission as check_submission

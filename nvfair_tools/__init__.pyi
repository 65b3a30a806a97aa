from .curate.build import BuildOutcome as BuildOutcome
from .curate.build import build as build
from .curate.finding import CheckReport as CheckReport
from .curate.preflight import check as check
from .dataset.reader import Dataset as Dataset
from .dataset.reader import open as open
from .errors import NvfairError as NvfairError
from .recipe.consent_table import read_consent as read_consent

__version__: str

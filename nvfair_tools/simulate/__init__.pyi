from .cohort import write_cohort as write_cohort
from .settings import CohortSettings as CohortSettings
from .settings import SourceSettings as SourceSettings
from .videos import PeopleSettings as PeopleSettings
from .videos import write_people as write_people

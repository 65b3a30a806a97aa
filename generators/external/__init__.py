"""Any other generator, run in its own environment: files in, a video out.

`generator` is what recipes create; `template` reads the command, `guard` and `process` run it, `server` talks to a tool
that stays loaded, `job_list` writes many jobs into a file, `errors` says what a tool did wrong.
"""

from generators.external.generator import External, create
from generators.external.job import FileJob

__all__ = ["External", "FileJob", "create"]

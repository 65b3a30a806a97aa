"""Copy this file into a tool's environment: there it answers nvfair-tools' jobs, with the standard library alone."""

import json
import os
import sys
import traceback


def serve(name, render, version=None):
    """Says that the tool is loaded, then calls `render(job)` for each job until there are no more.

    job: dict with portrait, clip, out (paths), frames (of the clip) and options. What `render` raises is the answer.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints from now on goes to the log
    hello = {"protocol": 1, "name": name}
    if version is not None:
        hello["version"] = version
    print("@nvfair " + json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            render(job)
            answer = {"job": job["job"], "out": job["out"]}
        except Exception as error:  # noqa: BLE001 - whatever the tool raises is the job's answer
            traceback.print_exc()
            answer = {"job": job["job"], "error": f"{type(error).__name__}: {error}"}
        sys.stdout.flush()
        print("@nvfair " + json.dumps(answer), file=answers, flush=True)

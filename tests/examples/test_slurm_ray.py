"""The script for Slurm, with a real Ray cluster; stand-ins for Slurm's own commands run everything on this machine."""

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'nvfair-tools[ray]'")

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "slurm_ray.sh"
SCONTROL = """#!/bin/bash
[ "$1 $2" = "show hostnames" ] && printf '%s\\n' ${3//,/ }
"""
SRUN = """#!/bin/bash
echo "srun $*" >>"$SRUN_LOG"
tasks=1
while [[ $1 == --* ]]; do
  [[ $1 == --ntasks=* ]] && tasks=${1#*=}
  shift
done
trap 'kill $(jobs -p); wait' TERM
for ((task = 0; task < tasks; task++)); do "$@" & done
wait
"""
# Connects as a build does, says what it sees, and waits for the end of its time as a build does.
COMMAND = """
import signal, sys, time
from nvfair_tools.pipeline.engines.ray_cluster import RayCluster
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped in good order"))
with RayCluster("auto") as cluster:
    while len(cluster.machines()) < 2:
        time.sleep(0.2)
    print("workers:", cluster.slots(1.0, 0.0), "on", len(cluster.machines()), "machines", flush=True)
    while True:
        time.sleep(0.1)
"""


def test_a_cluster_starts_on_all_nodes_runs_the_command_and_ends_with_it(tmp_path):
    for name, text in {"scontrol": SCONTROL, "srun": SRUN}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {
        "PATH": os.pathsep.join([str(tmp_path), sysconfig.get_path("scripts"), os.environ["PATH"]]),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "n1,n2",
        "SLURM_CPUS_PER_TASK": "3",
        "SRUN_LOG": str(tmp_path / "log"),
    }
    command = ["bash", str(SCRIPT), sys.executable, "-c", COMMAND]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    lines = []
    with subprocess.Popen(command, env=environment, cwd=SCRIPT.parents[1], start_new_session=True, **pipes) as job:
        try:
            for line in job.stdout:
                lines.append(line)
                if line.startswith("workers:"):
                    job.send_signal(signal.SIGTERM)  # as Slurm does before the time is up
        finally:
            if job.poll() is None:
                job.send_signal(signal.SIGTERM)
    text = "".join(lines)
    assert "workers: 6 on 2 machines" in text, text
    assert "stopped in good order" in text, text
    assert job.returncode == 1
    log = (tmp_path / "log").read_text()
    assert "--nodes=1 --ntasks=1 --nodelist=n1 ray start --head" in log
    assert "--nodes=1 --ntasks=1 --ntasks-per-node=1 --exclude=n1 ray start --address" in log
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if names_session(path, os.getpid())]


def names_session(cmdline: Path, job_id: int) -> bool:
    """Whether a program's command line names the job's folder, as those of Ray do."""
    try:
        return f"/tmp/ray-{job_id}/".encode() in cmdline.read_bytes()
    except OSError:
        return False


def test_a_missing_command_is_named():
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: sbatch" in done.stderr

#!/usr/bin/env bash
# Starts a Ray cluster on the nodes of a Slurm allocation, runs a command on it, and ends it.
#
#     sbatch --nodes 4 --cpus-per-task 32 --gpus-per-node 8 examples/slurm_ray.sh nvfair build recipe.yaml --engine ray
#
# Submitted again, a build goes on where it was. `ray` and `nvfair` must be on the PATH of every node; recipe, clips,
# weights and output must lie on a file system that all nodes share. docs/clusters.md has more.
#SBATCH --job-name=nvfair
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300
# The last line asks for SIGTERM five minutes before the time is up, on which a build stops with all that it finished.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: sbatch $0 nvfair build RECIPE --engine ray" >&2; exit 2; }
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]} # this script runs there, and so does the command
others=$((${#nodes[@]} - 1))
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --all-ip-addresses | tr ' ' '\n' | grep -m1 '\.')
port=$((20000 + SLURM_JOB_ID % 20000))
export RAY_ADDRESS="$address:$port" # what `--engine ray` takes without an address
# Others on these machines cannot use the cluster without the token.
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN RAY_USAGE_STATS_ENABLED=0
# Where Python lies on a slow file system, Ray's own processes take long to start.
export RAY_agent_register_timeout_ms=300000 RAY_raylet_start_wait_time_s=300 RAY_gcs_server_port_wait_time_s=300
offer=(--num-cpus "${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}" --num-gpus "${SLURM_GPUS_ON_NODE:-0}" --block)

steps=()
end_cluster() {
  kill "${steps[@]}" 2>/dev/null || true
  wait
}
trap end_cluster EXIT

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
  ray start --head --node-ip-address "$address" --port "$port" --include-dashboard=false \
  --temp-dir "/tmp/ray-$SLURM_JOB_ID" "${offer[@]}" &
steps+=($!)
until timeout 5 bash -c ": >/dev/tcp/$address/$port" 2>/dev/null; do
  kill -0 "${steps[0]}" 2>/dev/null || { echo "Ray's head did not start on $head" >&2; exit 1; }
  sleep 1
done
if ((others > 0)); then
  srun --overlap --nodes="$others" --ntasks="$others" --ntasks-per-node=1 --exclude="$head" \
    ray start --address "$RAY_ADDRESS" "${offer[@]}" &
  steps+=($!)
fi
echo "a Ray cluster at $RAY_ADDRESS; $others more nodes join it as they start"

"$@" &
command=$!
trap 'interrupted=1; kill -TERM "$command" 2>/dev/null || true' TERM INT
interrupted=1
while ((interrupted)); do # a signal ends `wait` with a status that is not the command's
  interrupted=0 status=0
  wait "$command" || status=$?
done
exit "$status"

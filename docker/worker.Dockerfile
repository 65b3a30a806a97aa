# Builds, training and evaluation on a GPU: docs/docker.md.
#                                      docker build --file docker/worker.Dockerfile --tag nvfair-worker .
FROM python:3.12-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# torch's wheels carry CUDA; the machine brings the driver (NVIDIA Container Toolkit).
FROM python:3.12-slim-bookworm
# What OpenCV and the landmarker load; security updates matter more than one version for ever.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home nvfair \
    && install --directory --owner nvfair --group nvfair /work /weights /home/nvfair/.config
COPY --from=wheel /wheels /wheels
RUN python -m pip install --no-cache-dir --no-compile "$(echo /wheels/*.whl)[all,ray]" \
    && rm -r /wheels
# No weights are inside: `nvfair weights add FILE` puts them into the volume /weights.
ENV PYTHONUNBUFFERED=1 \
    NVFAIR_WEIGHTS=/weights \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
USER 10001
WORKDIR /work
# /work: recipes, recordings, results. /home/nvfair/.config: the curator's key, without which revocations find nobody.
VOLUME ["/work", "/weights", "/home/nvfair/.config"]
# A GPU that has fallen off the bus answers no more; a machine without one has no nvidia-smi.
HEALTHCHECK --interval=60s --timeout=30s --retries=3 \
    CMD ["sh", "-c", "! command -v nvidia-smi || nvidia-smi --list-gpus"]
ENTRYPOINT ["nvfair"]
CMD ["doctor"]

# A leaderboard: docs/docker.md.       docker build --file docker/board.Dockerfile --tag nvfair-board .
FROM python:3.12-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim-bookworm
# The accounts' number is fixed, so that a volume's owner can be stated.
RUN useradd --uid 10001 --create-home board \
    && install --directory --owner board --group board --mode 700 /board \
    && install --directory --mode 755 /data
COPY --from=wheel /wheels /wheels
RUN python -m pip install --no-cache-dir --no-compile "$(echo /wheels/*.whl)[board-postgres]" \
    && rm -r /wheels
ENV PYTHONUNBUFFERED=1
USER 10001
WORKDIR /board
# /board: settings, database, submissions. /data: the data sets that submissions are scored on, mounted read-only.
VOLUME ["/board"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=8)"]
ENTRYPOINT ["nvfair"]
CMD ["board", "serve", "/board", "--host", "0.0.0.0"]

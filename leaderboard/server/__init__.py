"""The board as a service: pages, HTTP API, uploads, and the worker that scores."""

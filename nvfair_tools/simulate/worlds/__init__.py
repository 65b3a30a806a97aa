"""Simulated worlds that were written down before any method was tuned; `settings.named_world` reads them."""

"""How often this process gave the processor away because it waited for another thread, process or device."""

import sys

import pytest

needs_counts = pytest.mark.skipif(sys.platform != "linux", reason="counts context switches as Linux does")


def voluntary_switches() -> int:
    """Of all threads of this process, since it began; other work on the machine does not add to them."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw

"""The windows and scores of AVAPrintDB's benchmark, as a protocol of ours.

Its trial rule and frame rate play no part there: a list names the trials, and the release's files hold frames without
times.
"""

from __future__ import annotations

from benchmark.protocols.schema import Protocol
from benchmark.protocols.shipped import load as load_protocol

# Network -> name of the protocol, frames a window, frames from one window to the next.
_WINDOWS = {
    "graph-network": ("avaprintdb-seen", 70, 35),
    "attention-network": ("avaprintdb-features", 60, 30),
}


def list_protocol_of(network: str, window: int | None = None) -> Protocol:
    """The authors' windows and scores for a network, "graph-network" or "attention-network".

    window: frames a window where it is not the authors' number, then with a stride of half a window and another name.
    Raises KeyError for another network.
    """
    name, frames, stride = _WINDOWS[network]
    if window is not None and window != frames:
        name, frames, stride = f"{name}-{window}", window, max(1, window // 2)
    protocol = load_protocol("avaprintdb-seen")
    if (protocol.name, protocol.time.window, protocol.time.stride) == (name, frames, stride):
        return protocol
    time = protocol.time.model_copy(update={"window": frames, "stride": stride})
    return protocol.model_copy(update={"name": name, "time": time})

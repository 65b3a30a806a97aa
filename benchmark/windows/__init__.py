"""Windows of a protocol: tracks resampled to its frame rate, cut to its length, and held on a device."""

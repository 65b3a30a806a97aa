"""Whether verification names the right driver: real clips and warp reenactments of them (docs/verification.md)."""

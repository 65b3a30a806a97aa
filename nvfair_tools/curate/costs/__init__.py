"""What a build will cost: videos, seconds, bytes and hours, from rates that are measured on this machine."""

"""Bytes and pixels: records, alignment, packing. Knows nothing of networks."""

"""The papers' experiments, repeated: paired seeds, settings searched alike, figures from JSON."""

"""Settings of a training run: frozen dataclasses and YAML presets."""

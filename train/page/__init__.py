"""A run's page: gathered from the run's folder, drawn without torch, kept fresh while it trains."""

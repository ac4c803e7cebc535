"""Judging embeddings: extraction, protocols, statistics, reports."""

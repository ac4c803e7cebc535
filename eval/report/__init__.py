"""From JSON results to one HTML page; nothing is computed again."""

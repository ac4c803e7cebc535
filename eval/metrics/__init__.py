"""Statistics of scores: pure functions, each with a brute-force twin in tests/eval/oracle.py."""

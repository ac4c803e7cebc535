"""Drawn portraits of people who do not exist: every factor of a photograph is a number we chose."""

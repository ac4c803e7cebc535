"""Everything with a gradient."""

"""Which texts of a pool to label next."""

"""A page on which people label texts, and what helps them while they do."""

"""Ways to choose texts to label, a file a way."""

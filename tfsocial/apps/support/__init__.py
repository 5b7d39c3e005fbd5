"""Customer service: answers from what is known, with their source, or a person."""

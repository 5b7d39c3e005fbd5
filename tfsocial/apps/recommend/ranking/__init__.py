"""Which of many items a person takes next: candidates, features, boosted trees. Numbers alone."""

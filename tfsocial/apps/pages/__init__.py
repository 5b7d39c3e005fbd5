"""What the pages of all applications are made with."""

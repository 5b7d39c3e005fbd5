"""What the documentation computes: tables of results and pages of reference, never by hand."""

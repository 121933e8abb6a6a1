"""Pages to look at: a report of a test, a gallery of predictions; contact sheets."""

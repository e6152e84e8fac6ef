"""Questions answered from values and the store: why, report, status."""

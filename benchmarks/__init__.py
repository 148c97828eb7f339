"""Long and heavy runs of a real router; nothing of it is shipped."""

"""Vector stores, their files and batches: what the API does with them, and the indexing behind it."""

"""Indexing files in the background: what the messages of the queue `ingestion` ask for."""

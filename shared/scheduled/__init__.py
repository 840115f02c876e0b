"""Scheduled backups of a storage account: exports of all owners in a container of its own, a step at a time."""

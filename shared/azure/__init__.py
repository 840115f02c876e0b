"""The Azure storage account, for the adapters that speak to it."""

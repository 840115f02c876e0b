"""Model-written Python in sessions of Azure Container Apps."""

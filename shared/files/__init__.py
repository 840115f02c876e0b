"""Files and uploads: what the API does with them, without HTTP."""

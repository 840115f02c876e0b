"""API-in-a-Box: the Assistants API as a serverless application. `app.py` is where the parts meet."""

"""Sample assistants: a folder each, with instructions, files and prompts."""

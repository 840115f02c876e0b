"""The sample assistants: a folder each, with `assistant.json`, `prompts.json` to try, and the files they work on."""

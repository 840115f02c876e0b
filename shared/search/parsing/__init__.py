"""Files to chunks of text: a reader per format, run in a child process with limits."""

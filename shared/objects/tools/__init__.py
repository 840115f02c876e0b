"""Tools as requested and as answered, what they use, and what is chosen among them: a file for each origin."""

"""The program `box` (`python -m shared`): one file for each noun, as people type it; `program` puts them together."""

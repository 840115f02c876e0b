"""File search: reading files, cutting them into chunks, and finding the chunks again."""

"""What earlier versions stored: rows, messages and blobs that every later one must read and finish."""

"""What the model is given to read: the thread's entries, cut to what fits."""

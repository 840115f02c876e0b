"""What runs inside the sandbox: the standard library only. The host treats every byte from here as hostile."""

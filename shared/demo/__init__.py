"""What runs without an account: a model that follows rules, sample assistants, and a program that talks to them."""

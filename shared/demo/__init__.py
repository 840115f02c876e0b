"""What runs without an account: a model that follows rules, sample assistants, and a program that talks to them."""

from typing import Final

#: The model's name where models are listed.
OFFLINE: Final = "offline-demo"
#: What `/healthz?deep=1` says of a model while it is this one; the page knows it by these words.
ANSWERS: Final = "offline demo"

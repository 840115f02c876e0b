"""Documents by real writers, each with the words its writer was given; `make/` holds the scripts that made them."""

"""Who answers: the model port in `base`, one adapter a file."""

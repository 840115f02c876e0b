"""Moving in and out: objects of other services and boxes come in under their ids, everything of an owner goes out."""

"""What single settings hold, and how they are written; `shared.config` has them all."""

"""What owners have used: written when a run ends, summed up by day, reported by owner, assistant, model or day."""

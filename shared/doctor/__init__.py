"""What is wrong with a box, one line a finding: what `box doctor` prints, and of it what a host says when it starts."""

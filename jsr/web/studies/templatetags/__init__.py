"""What templates of the studies load."""

"""What templates of every app may ask of people."""

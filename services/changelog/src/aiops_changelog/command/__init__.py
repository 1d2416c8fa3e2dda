"""What ``render`` does: it reads commits, and writes their changelog."""

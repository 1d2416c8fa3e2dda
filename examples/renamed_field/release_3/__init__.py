"""The release without the old name; it brings the migrations that take it away."""

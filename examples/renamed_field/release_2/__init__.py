"""The release that leads over: it knows both names, and feature flags say which of them counts."""

"""Limits on what comes in, before GraphQL begins."""

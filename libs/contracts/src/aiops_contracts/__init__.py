"""The messages that services exchange: one module per owner, pydantic only, no behaviour."""

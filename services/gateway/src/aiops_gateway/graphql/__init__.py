"""The GraphQL API: types, fields and how errors look. No logic: every resolver calls one use case."""

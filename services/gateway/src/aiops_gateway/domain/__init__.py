"""Types and rules of the gateway: who may do what, and which page of a list was asked for. No IO."""

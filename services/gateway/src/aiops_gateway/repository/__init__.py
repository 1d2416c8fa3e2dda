"""Every SQL statement of the gateway: the read model, accepted work, users and keys."""

"""What the commands of triage do beside serving: classify, train, look after models, export."""

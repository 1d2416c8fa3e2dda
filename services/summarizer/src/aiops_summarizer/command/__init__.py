"""``python -m aiops_summarizer digest``: the engine on a file or on standard input, without services or network."""

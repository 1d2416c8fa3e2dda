"""`make demo`: the main job end to end, done the way an outside client would do it."""

"""`check`: one line a fact about this box, and what to do where one is not as it should be."""

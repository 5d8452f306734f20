"""Request id, host names, problems."""

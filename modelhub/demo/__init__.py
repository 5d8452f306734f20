"""The bundled demonstration model and the scripts that made it."""

"""The engine: turns a JobSpec into pictures. It knows no Django and could be lifted out."""

"""Draws scenes, trains a small text-to-image model on them, and exports it for diffusers."""

"""The process environment over .env, which every group of settings reads."""

from pathlib import Path

from aliceproject.env import Environment

BASE_DIR = Path(__file__).resolve().parents[2]
env = Environment(BASE_DIR / ".env")

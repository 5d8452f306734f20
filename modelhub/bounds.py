"""How far any order may go, whatever the model. Standard library only."""

MAX_PROMPT = 32000
MAX_N = 10
MIN_SIDE, MAX_SIDE = 64, 2048
MAX_STEPS = 150
MAX_GUIDANCE = 30.0
MAX_CLIP_SKIP = 12
MAX_MEGAPIXEL_STEPS = 4000.0

"""How far any order may go, whatever the model. Standard library only."""

import re

MAX_PROMPT = 32000
# As a default of a model's, not of an order.
MAX_NEGATIVE_PROMPT = 4000
# JSON can say both; no UTF-8 file and no PostgreSQL column can.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
MAX_N = 10
MIN_SIDE, MAX_SIDE = 64, 2048
MAX_STEPS = 150
MAX_GUIDANCE = 30.0
MAX_CLIP_SKIP = 12
MAX_MEGAPIXEL_STEPS = 4000.0

"""How moments are written where no template says it, as in the administration: with their zone."""

DATETIME_FORMAT = "j M Y, H:i e"

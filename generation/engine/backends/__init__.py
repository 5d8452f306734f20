"""Ways of drawing, each behind the Backend protocol; `registry` names them."""

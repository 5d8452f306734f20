"""What the layers above must hear of, since accounts knows none of them."""

from django.dispatch import Signal

# Sent with `user` after the commit: the account opens nothing any more. Sender: User.
deactivated = Signal()

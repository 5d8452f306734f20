"""Where the model hub's own JSON is; the models themselves are among generation's dialects."""

from django.urls import re_path

from modelhub.api import catalogue
from modelhub.api.catalogue import EMBEDDINGS, LORAS, Additions, OneAddition

NAME = r"(?P<name>.+?)"

app_name = "modelhub"
urlpatterns = [
    re_path(r"^v1/models/refresh/?$", catalogue.Refresh.as_view()),
    re_path(r"^v1/models/aliases/?$", catalogue.Aliases.as_view()),
    re_path(rf"^v1/models/aliases/{NAME}/?$", catalogue.OneAlias.as_view()),
    re_path(r"^v1/loras/?$", Additions.as_view(kinds=LORAS)),
    re_path(rf"^v1/loras/{NAME}/?$", OneAddition.as_view(kinds=LORAS)),
    re_path(r"^v1/embeddings/?$", Additions.as_view(kinds=EMBEDDINGS)),
    re_path(rf"^v1/embeddings/{NAME}/?$", OneAddition.as_view(kinds=EMBEDDINGS)),
]

"""Where the model hub's own JSON is; the models themselves are among generation's dialects.

Mounted before those: what is under /v1/models/ and has no address of its own is a model's name,
which may hold slashes.
"""

from django.urls import re_path

from modelhub.api import catalogue, downloads, searching, uploads
from modelhub.api.catalogue import EMBEDDINGS, LORAS, Additions, OneAddition

NAME = r"(?P<name>.+?)"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

AT = r"^v1/models/download"
ONE = rf"(?P<download_id>{UUID})"
UPLOAD = rf"(?P<upload_id>{UUID})"

app_name = "modelhub"
urlpatterns = [
    re_path(r"^v1/models/search/civitai/?$", searching.civitai),
    re_path(r"^v1/models/search/huggingface/?$", searching.huggingface),
    re_path(r"^v1/models/search/previews/(?P<found_id>[0-9]{1,18})/?$", searching.preview),
    re_path(r"^v1/models/uploads/?$", uploads.Uploads.as_view()),
    re_path(rf"^v1/models/uploads/{UPLOAD}/?$", uploads.OneUpload.as_view()),
    re_path(rf"^v1/models/uploads/{UPLOAD}/complete/?$", uploads.complete),
    re_path(r"^v1/models/refresh/?$", catalogue.Refresh.as_view()),
    re_path(r"^v1/models/aliases/?$", catalogue.Aliases.as_view()),
    re_path(rf"^v1/models/aliases/{NAME}/?$", catalogue.OneAlias.as_view()),
    re_path(r"^v1/loras/?$", Additions.as_view(kinds=LORAS)),
    re_path(rf"^v1/loras/{NAME}/?$", OneAddition.as_view(kinds=LORAS)),
    re_path(r"^v1/embeddings/?$", Additions.as_view(kinds=EMBEDDINGS)),
    re_path(rf"^v1/embeddings/{NAME}/?$", OneAddition.as_view(kinds=EMBEDDINGS)),
    *[
        re_path(rf"{AT}/{source}/?$", downloads.Start.as_view(source=source))
        for source in downloads.BODIES
    ],
    re_path(rf"{AT}/status/?$", downloads.Tasks.as_view()),
    re_path(rf"{AT}/status/{ONE}/?$", downloads.Task.as_view()),
    re_path(rf"{AT}/{ONE}/?$", downloads.OneDownload.as_view()),
    re_path(rf"{AT}/{ONE}/cancel/?$", downloads.Cancel.as_view()),
    re_path(rf"{AT}/{ONE}/resume/?$", downloads.Resume.as_view()),
]

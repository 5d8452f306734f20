"""What the model hub remembers: what is installed, what is being fetched, what was found elsewhere."""

from modelhub.models.catalog import Alias, CatalogModel
from modelhub.models.downloads import Download, DownloadFile, Source, Upload
from modelhub.models.home import ModelsHome
from modelhub.models.searching import Found, Search

__all__ = [
    "Alias",
    "CatalogModel",
    "Download",
    "DownloadFile",
    "Found",
    "ModelsHome",
    "Search",
    "Source",
    "Upload",
]

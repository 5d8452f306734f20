"""The page of one's own data."""

from django.urls import path

from aliceproject.personal import pages

app_name = "personal_pages"
urlpatterns = [
    path("account/data", pages.data, name="data"),
    path("account/data/keeping", pages.keeping, name="keeping"),
    path("account/data/export", pages.export_all, name="export"),
    path("account/data/erase", pages.erase_account, name="erase"),
]

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = "Gallery"

    def ready(self) -> None:
        import gallery.signals  # noqa: F401 connects them
        from gallery import search, text_index

        connection_created.connect(search.teach, dispatch_uid="gallery.search.teach")
        post_migrate.connect(
            text_index.repair, sender=self, dispatch_uid="gallery.text_index.repair"
        )

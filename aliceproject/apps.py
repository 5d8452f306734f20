from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AliceprojectConfig(AppConfig):
    name = "aliceproject"
    verbose_name = "ALICE"
    default = True

    def ready(self) -> None:
        from aliceproject import checks, inline, queue  # noqa: F401 - checks registers itself

        inline.harden()
        queue.harden()


class AdministrationConfig(admin.AdminConfig):
    default = False
    default_site = "aliceproject.administration.Site"

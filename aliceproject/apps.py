from django.apps import AppConfig


class AliceprojectConfig(AppConfig):
    name = "aliceproject"

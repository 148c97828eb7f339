"""The paths below a company's ``files/``."""

from django.urls import path

from files import views

urlpatterns = [
    path("", views.files, name="files"),
    path("<int:file>", views.download, name="download"),
]

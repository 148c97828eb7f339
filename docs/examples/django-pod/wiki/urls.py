"""The paths below the name of a company."""

from django.urls import path

from wiki import views

urlpatterns = [
    path("", views.front, name="front"),
    path("wiki/<slug:title>", views.page, name="page"),
]

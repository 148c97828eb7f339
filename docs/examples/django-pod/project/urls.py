"""The pages of the site: everything of a company is below its name."""

from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="wiki/welcome.html"), name="welcome"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("<slug:company>/", include("wiki.urls")),
    path("<slug:company>/files/", include("files.urls")),
]

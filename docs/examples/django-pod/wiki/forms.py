"""What people fill in."""

from django.forms import ModelForm

from wiki.models import Page


class PageForm(ModelForm):
    class Meta:
        model = Page
        fields = ("text",)

"""The wiki of a company."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from wiki.forms import PageForm
from wiki.models import Company, Page


def front(request: HttpRequest, company: str) -> HttpResponse:
    """What everybody may see of a company."""
    return render(request, "wiki/front.html", {"company": get_object_or_404(Company, slug=company)})


@login_required
def page(request: HttpRequest, company: str, title: str) -> HttpResponse:
    """A page and the form to change it."""
    owner = get_object_or_404(Company, slug=company)
    found = Page.objects.filter(company=owner, title=title).first()
    changed = found or Page(company=owner, title=title)
    form = PageForm(request.POST or None, instance=changed)
    if request.method == "POST" and form.is_valid():
        changed.author = request.user
        form.save()
        return redirect("page", company, title)
    return render(request, "wiki/page.html", {"company": owner, "page": found, "form": form})

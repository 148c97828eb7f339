"""Uploads and downloads."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from wiki.models import Company

from files.forms import FileForm
from files.models import File

CHUNK_BYTES = 65_536


@login_required
def files(request: HttpRequest, company: str) -> HttpResponse:
    """All files of a company, and the form for one more."""
    owner = get_object_or_404(Company, slug=company)
    form = FileForm(request.POST or None, request.FILES or None, instance=File(company=owner))
    if request.method == "POST" and form.is_valid():
        content = form.cleaned_data["content"]
        form.instance.sha256 = hashlib.file_digest(content.file, "sha256").hexdigest()
        form.save()
        return redirect("files", company)
    return render(request, "files/files.html", {"company": owner, "form": form})


@login_required
def download(request: HttpRequest, company: str, file: int) -> HttpResponse:
    found = get_object_or_404(File, company__slug=company, pk=file)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(found.content.size),
    }
    return StreamingHttpResponse(_chunks(found.content.path), headers=headers)


async def _chunks(path: str) -> AsyncIterator[bytes]:
    with open(path, "rb") as stream:
        while chunk := await asyncio.to_thread(stream.read, CHUNK_BYTES):
            yield chunk

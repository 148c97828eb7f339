"""The Admin Area: its settings are shared by all pods, but its pages say which pod they are of."""

from __future__ import annotations

from twisted.web.template import tags

from pods.reference.application import Pod
from pods.reference.ownership import Owner
from pods.reference.pages import button, choice, form, link, links
from pods.reference.visits import Answer, Visit, redirect, to_sign_in


async def entrance(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``/admin``: on to the pages of the pod chosen in the drop-down list, or of this pod."""
    refused = _refused(pod, visit)
    if refused is not None:
        return refused
    chosen = visit.query.get("pod", pod.cluster.me)
    if chosen not in pod.cluster.regions:
        return pod.pages.not_found(visit)
    return redirect(f"/admin/pods/{chosen}")


async def of_pod(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """The Admin Area of one pod, answered by that pod."""
    refused = _refused(pod, visit) or pod.elsewhere(visit, owner)
    if refused is not None:
        return refused
    match visit.path.removeprefix(owner.path).removesuffix("/"):
        case "":
            return pod.taught(_overview(pod, visit, owner), owner)
        case "/projects":
            return pod.taught(_projects(pod, visit), owner)
    return pod.pages.not_found(visit)


def _refused(pod: Pod, visit: Visit) -> Answer | None:
    if visit.user is None:
        return to_sign_in(visit)
    return None if visit.user.admin else pod.pages.not_found(visit)


def _overview(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    me = pod.cluster.me
    options = [(name, f"{name} ({region})") for name, region in pod.cluster.regions.items()]
    rows = (
        tags.tr(tags.th(name, scope="row"), tags.td(value))
        for name, value in pod.pages.settings().items()
    )
    return pod.pages.page(
        visit,
        "Admin Area",
        tags.p("This is the Admin Area of ", tags.b(me), "."),
        form("/admin", choice("pod", "Pod", options, me), button("Show"), method="get"),
        tags.p(link(f"{owner.path}/projects", "Projects")),
        tags.table(tags.caption("Settings, shared by all pods"), *rows),
    )


def _projects(pod: Pod, visit: Visit) -> Answer:
    found = ((f"/{project.path}", project.path) for project in pod.tenants.projects())
    return pod.pages.page(visit, f"Projects on {pod.cluster.me}", links(found))

"""The Admin Area: its settings are shared by all pods, but its pages say which pod they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from twisted.web.template import Tag, tags

from pods.reference.application import Pod
from pods.reference.application_settings import KNOWN, VALUE_LIMIT, Setting, SettingError
from pods.reference.databases import writing
from pods.reference.ownership import Owner
from pods.reference.pages import button, choice, form, links, navigation, note, table
from pods.reference.tenancy import last_move
from pods.reference.visits import Answer, Visit, redirect, to_sign_in


async def entrance(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``/admin``: on to the pages of the pod chosen in the drop-down list, or of this pod."""
    refused = _refused(pod, visit)
    if refused is not None:
        return refused
    chosen, page = visit.query.get("pod", pod.cluster.me), visit.query.get("page", "")
    if chosen not in pod.cluster.regions or page not in PAGES:
        return pod.pages.not_found(visit)
    return redirect(f"/admin/pods/{chosen}{page}")


async def of_pod(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """The Admin Area of one pod, answered by that pod."""
    refused = _refused(pod, visit) or pod.elsewhere(visit, owner)
    if refused is not None:
        return refused
    page = visit.path.removeprefix(owner.path).removesuffix("/")
    if page not in PAGES:
        return pod.pages.not_found(visit)
    if visit.method == "POST" and page == _SETTINGS:
        return _change_settings(pod, visit)
    return pod.taught(_shown(pod, visit, page), owner)


def _refused(pod: Pod, visit: Visit) -> Answer | None:
    if visit.user is None:
        return to_sign_in(visit)
    return None if visit.user.admin else pod.pages.not_found(visit)


def _shown(pod: Pod, visit: Visit, page: str) -> Answer:
    title, content = PAGES[page]
    heading = f"{title} on {pod.cluster.me}" if page else "Admin Area"
    return pod.pages.page(visit, heading, *_top(pod, visit, page), *content(pod))


def _top(pod: Pod, visit: Visit, page: str) -> list[Tag]:
    """Which pod this is of, the way to the others, and what else there is."""
    me, regions = pod.cluster.me, pod.cluster.regions
    options = [(name, f"{name} ({region})") for name, region in regions.items()]
    found = [(f"/admin/pods/{me}{path}", title) for path, (title, _) in PAGES.items()]
    return [
        tags.p("This is the Admin Area of ", tags.b(me), "."),
        form(
            "/admin",
            tags.input(type="hidden", name="page", value=page),
            choice("pod", "Pod", options, me),
            button("Show"),
            method="get",
        ),
        navigation(visit, "Admin Area", found),
    ]


# -- the pages ---------------------------------------------------------------


def _overview(pod: Pod) -> list[Tag]:
    settings = pod.settings.all().values()
    lags = pod.databases.lag_seconds().items()
    return [
        table(
            "Settings in force here",
            ("Name", "Value", "Meaning"),
            ((one.name, one.value or "-", KNOWN[one.name].meaning) for one in settings),
        ),
        table(
            "Replicas that this pod reads",
            ("Database", "Behind its primary"),
            ((name, "away" if lag is None else f"{lag:.1f} s") for name, lag in lags),
        ),
    ]


def _projects(pod: Pod) -> list[Tag]:
    here = (one for one in pod.tenants.projects() if pod.tenancy.serves(one.namespace))
    return [links((f"/{project.path}", project.path) for project in here)]


def _organizations(pod: Pod) -> list[Tag]:
    found = pod.tenants.organizations_on(pod.cluster.me)
    rows = ((one.path, one.name, _last_move_of(pod, one.path)) for one in found)
    return [table("Organizations that live here", ("Path", "Name", "Last move"), rows)]


def _last_move_of(pod: Pod, organization: str) -> str:
    move = last_move(pod.view.routes, organization)
    if move is None:
        return "-"
    return f"{move.source} to {move.destination}: {move.state.value}"


def _settings_page(pod: Pod) -> list[Tag]:
    return [
        note(
            "All pods share these settings. $pod and $region are filled in by each pod, and what"
            f" is set for {pod.cluster.me} only goes before what is set for all."
        ),
        _settings_form(pod, {}),
    ]


# -- changing settings -------------------------------------------------------


def _settings_form(pod: Pod, sent: Mapping[str, str]) -> Tag:
    me = pod.cluster.me

    def written(setting: Setting, kind: str, value: str) -> Tag:
        name = f"{kind}.{setting.name}"
        label = f"{setting.name} for {'all pods' if kind == 'shared' else f'{me} only'}"
        return tags.input(
            name=name,
            value=sent.get(name, value),
            maxlength=str(VALUE_LIMIT),
            **{"aria-label": label},
        )

    rows = (
        (one.name, written(one, "shared", one.shared), written(one, "own", one.own))
        for one in pod.settings.all().values()
    )
    heads = ("Name", "For all pods", f"For {me} only")
    action = f"/admin/pods/{me}{_SETTINGS}"
    return form(action, table("Settings", heads, rows), button("Save"))


def _change_settings(pod: Pod, visit: Visit) -> Answer:
    """Change all that was sent, or nothing."""
    try:
        with writing(pod.view.admin):
            for name in KNOWN.keys() & _sent(visit, "shared"):
                pod.settings.change(name, visit.form[f"shared.{name}"])
            for name in KNOWN.keys() & _sent(visit, "own"):
                pod.settings.change_own(name, visit.form[f"own.{name}"])
    except SettingError as error:
        title = f"Settings on {pod.cluster.me}"
        content = (*_top(pod, visit, _SETTINGS), _settings_form(pod, visit.form))
        return pod.pages.refused(visit, title, str(error), *content)
    return redirect(visit.path)


def _sent(visit: Visit, kind: str) -> set[str]:
    return {name.removeprefix(f"{kind}.") for name in visit.form if name.startswith(f"{kind}.")}


_SETTINGS = "/settings"
#: What there is below ``/admin/pods/<pod>``, with the title of each.
PAGES: Mapping[str, tuple[str, Callable[[Pod], list[Tag]]]] = MappingProxyType(
    {
        "": ("Overview", _overview),
        _SETTINGS: ("Settings", _settings_page),
        "/organizations": ("Organizations", _organizations),
        "/projects": ("Projects", _projects),
    }
)

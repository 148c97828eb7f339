"""Finds plugins by name, and says clearly why one cannot be found.

``twisted.plugin`` does the looking; it only logs what is wrong with a dropin,
and does not mind two plugins of one name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import attrs
from twisted.plugin import getCache
from twisted.python.modules import getModule

from pods.errors import Fault, PluginError
from pods.wording import listed, nearest, one_line, shown
from twisted import plugins as package


@attrs.frozen
class _Installed:
    """A plugin and where it comes from."""

    name: str
    plugin: Any
    module: str

    @property
    def origin(self) -> str:
        return f"{self.module} ({getattr(sys.modules.get(self.module), '__file__', '?')})"


def find(interface: Any, name: str) -> Any:
    """The one plugin of that name.

    :param interface: what it must provide, such as ``IRoutingStrategyFactory``.
    :raises pods.errors.PluginError: there is none, or more than one.
    """
    found = [plugin for plugin in _installed(interface) if plugin.name == name]
    if not found:
        raise PluginError(_unknown(interface, name))
    if len(found) > 1:
        origins = " and ".join(plugin.origin for plugin in found)
        raise PluginError(Fault("", f'plugin "{name}" is there twice: {origins}', "one of them"))
    return found[0].plugin


def names(interface: Any) -> list[str]:
    """The names of all installed plugins that provide an interface, sorted."""
    return sorted({plugin.name for plugin in _installed(interface)})


def _installed(interface: Any) -> Iterator[_Installed]:
    for dropin in getCache(package).values():
        for cached in dropin.plugins:
            plugin = _loaded(interface, cached)
            name = getattr(plugin, "name", None)
            if isinstance(name, str):
                yield _Installed(name, plugin, dropin.moduleName)


def _loaded(interface: Any, cached: Any) -> Any:
    """The plugin itself, or None if it is of another kind or cannot be imported.

    The second happens when the cache is older than the fault; :func:`_broken` tells of it.
    """
    try:
        return interface(cached, None)
    except Exception:
        return None


def _unknown(interface: Any, name: str) -> Fault:
    known = names(interface)
    problem = f"no plugin {shown(name)} is installed{nearest(name, known)}"
    broken = [f"{file} cannot be imported ({error})" for file, error in _broken()]
    allowed = listed(known) or "the name of a plugin, once one is installed"
    return Fault("", "; ".join([problem, *broken]), allowed)


def _broken() -> Iterator[tuple[str, str]]:
    """Files of dropins that cannot be imported, and why.

    Importing them once more is how to know: ``twisted.plugin`` keeps it to the log.
    """
    for module in getModule(package.__name__).iterModules():
        try:
            module.load()
        except Exception as error:
            yield module.filePath.path, f"{type(error).__name__}: {one_line(error)}"

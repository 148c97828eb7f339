"""The reference of the interfaces names all there is, and nothing else."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass, Method

import pods.testing
from pods import interfaces

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "interfaces.rst"
DIRECTIVE = re.compile(r"^( *)\.\. py:(class|method|attribute):: (\w+)(?:\((.*)\))?$", re.MULTILINE)


def documented() -> dict[str, dict[str, str]]:
    """Class -> what it is said to have -> the arguments, as they are written there."""
    classes: dict[str, dict[str, str]] = {}
    members: dict[str, str] = {}
    for indent, _, name, arguments in DIRECTIVE.findall(PAGE.read_text()):
        if indent:
            members[name] = arguments
        else:
            members = classes[name] = {"": arguments}
    return classes


def public_classes() -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(interfaces).items()
        if isinstance(value, type | InterfaceClass) and value.__module__ == interfaces.__name__
    }


def members_of(kind: Any) -> dict[str, str]:
    if isinstance(kind, InterfaceClass):
        return {name: arguments_of(kind[name]) for name in kind.names()}
    if attrs.has(kind):
        signature = inspect.signature(kind).replace(return_annotation=inspect.Signature.empty)
        return {"": plain(signature)} | {field.name: "" for field in attrs.fields(kind)}
    return {
        name: plain(inspect.signature(value)).removeprefix("self").removeprefix(", ")
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def arguments_of(member: Any) -> str:
    return str(member.getSignatureString()[1:-1]) if isinstance(member, Method) else ""


def plain(signature: inspect.Signature) -> str:
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))[1:-1]


class InterfacesPageTests(SynchronousTestCase):
    """``docs/reference/interfaces.rst``"""

    def test_names_every_class(self) -> None:
        self.assertEqual(sorted(documented()), sorted(public_classes()))

    def test_names_every_member_and_its_arguments(self) -> None:
        for name, kind in public_classes().items():
            self.assertEqual({"": ""} | documented()[name], {"": ""} | members_of(kind), name)

    def test_names_everything_for_tests(self) -> None:
        text = PAGE.read_text()
        for name in pods.testing.__all__:
            self.assertRegex(text, rf"[.]{name}\b", name)

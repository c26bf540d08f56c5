"""The address space as OSCQuery describes it: JSON objects, made from the registry and the commands.

https://github.com/Vidvox/OSCQueryProposal. Nothing here speaks to a network.
"""

from collections.abc import Mapping
from typing import Any

from installation.control.protocol.address_space import (
    COMMANDS,
    OUTPUTS,
    TAGS,
    Command,
    Output,
    parameter_address,
)
from installation.control.protocol.packets import Argument
from installation.settings.parameters import Kind, Outside, Parameter
from installation.settings.registry import Registry

READ, WRITE = 1, 2
# The proposal's own list of units.
UNITS = {
    "s": "time.second",
    "ms": "time.ms",
    "Hz": "time.hz",
    "px": "distance.pixels",
    "°": "angle.degree",
}
# The last two are our own: when a change applies, and what a parameter is if nobody changes it.
ATTRIBUTES = (
    "ACCESS", "VALUE", "RANGE", "DESCRIPTION", "EXTENDED_TYPE", "UNIT", "CLIPMODE", "APPLIES", "DEFAULT",
)  # fmt: skip
EXTENSIONS = {name: True for name in (*ATTRIBUTES, "HTML", "LISTEN", "PATH_CHANGED")}
# Impulse: the type of a button.
BUTTON = "I"


class Unknown(Exception):
    """There is no such node (404)."""


class BadAttribute(Exception):
    """There is no such attribute (400)."""


class NotReadable(Exception):
    """A node that can only be written has no value (204)."""


class Tree:
    """The whole address space as nodes. `values`: address -> newest arguments, read anew at each request."""

    def __init__(self, registry: Registry, values: Mapping[str, tuple[Argument, ...]]) -> None:
        self._values = values
        self._methods = {
            **{parameter_address(each.address): _of_parameter(each) for each in registry.parameters.values()},
            **{command.address: _of_command(command) for command in COMMANDS},
            **{output.address: _of_output(output) for output in OUTPUTS},
        }
        self._contents: dict[str, list[str]] = {"": []}
        for address in self._methods:
            path = ""
            for part in address.split("/")[1:]:
                names = self._contents.setdefault(path, [])
                path += f"/{part}"
                if part not in names:
                    names.append(part)

    def __contains__(self, address: str) -> bool:
        return address in self._methods

    def node(self, path: str) -> dict[str, Any]:
        """A node with all nodes below it. Raises Unknown."""
        path = path.rstrip("/")
        if path in self._methods:
            return {"FULL_PATH": path, **self._methods[path], **self._value(path), **self._choices(path)}
        if path in self._contents:
            names = self._contents[path]
            contents = {name: self.node(f"{path}/{name}") for name in names}
            return {"FULL_PATH": path or "/", "ACCESS": 0, "CONTENTS": contents}
        raise Unknown(path)

    def attribute(self, path: str, name: str) -> dict[str, Any]:
        """One attribute of a node, empty where it does not apply.

        Raises Unknown, BadAttribute or NotReadable.
        """
        node = self.node(path)
        if name not in (*ATTRIBUTES, "FULL_PATH", "CONTENTS", "TYPE"):
            raise BadAttribute(name)
        if name == "VALUE" and not node["ACCESS"] & READ:
            raise NotReadable(path)
        return {name: node[name]} if name in node else {}

    def _value(self, path: str) -> dict[str, Any]:
        values = self._values.get(path)
        if values is None or not self._methods[path]["ACCESS"] & READ:
            return {}
        # The type of a switch tells its value: T or F.
        tags = self._methods[path]["TYPE"]
        if tags == "T":
            tags = "T" if values[0] else "F"
        elif path == "/preset/list":
            tags = "s" * len(values)
        return {"TYPE": tags, "VALUE": list(values)}

    def _choices(self, path: str) -> dict[str, Any]:
        """The range of `/preset/load`: the presets that exist now."""
        if path != "/preset/load":
            return {}
        names = list(self._values.get("/preset/list", ()))
        return {"RANGE": [{"VALS": names}, *self._methods[path]["RANGE"][1:]]}


def _of_parameter(parameter: Parameter) -> dict[str, Any]:
    own = {"APPLIES": parameter.applies.value, "DEFAULT": parameter.default}
    return _of_slots((parameter,), READ | WRITE, parameter.description) | own


def _of_slots(slots: tuple[Parameter, ...], access: int, description: str) -> dict[str, Any]:
    method: dict[str, Any] = {
        "TYPE": "".join(TAGS[slot.kind] for slot in slots),
        "ACCESS": access,
        "DESCRIPTION": description,
        "RANGE": [_range(slot) for slot in slots],
    }
    for attribute, each in (
        ("UNIT", [UNITS.get(slot.unit, slot.unit) for slot in slots]),
        ("EXTENDED_TYPE", ["color" if slot.kind is Kind.COLOUR else "" for slot in slots]),
        ("CLIPMODE", ["both" if _clamped(slot) else "none" for slot in slots]),
    ):
        if any(value not in ("", "none") for value in each):
            method[attribute] = each
    return method


def _of_command(command: Command) -> dict[str, Any]:
    if not command.arguments:
        access = READ if command.address == "/preset/list" else WRITE
        return {"TYPE": BUTTON, "ACCESS": access, "DESCRIPTION": command.description}
    access = READ | WRITE if command.required else WRITE
    return _of_slots(command.arguments, access, command.description)


def _of_output(output: Output) -> dict[str, Any]:
    return {
        "TYPE": output.tags,
        "ACCESS": READ,
        "DESCRIPTION": f"{output.description} ({', '.join(output.names)})",
    }


def _range(slot: Parameter) -> dict[str, Any] | None:
    if slot.minimum is not None:
        return {"MIN": slot.minimum, "MAX": slot.maximum}
    return {"VALS": list(slot.choices)} if slot.choices else None


def _clamped(slot: Parameter) -> bool:
    return slot.minimum is not None and slot.outside is Outside.CLAMP

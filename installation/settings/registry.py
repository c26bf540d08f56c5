"""The current values of all parameters.

The registry belongs to one thread, the stage's. A frame is drawn from an immutable snapshot of it, so that it
shows one consistent set of values.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from installation.settings.parameters import Applies, Parameter, Parameters, Reason, Refusal, Value, printable
from installation.settings.storage import read_newest

P = TypeVar("P", bound=Parameters)


class ParameterValues:
    """An immutable snapshot of the values of all parameters, from which one frame is drawn."""

    def __init__(self, values: Mapping[str, Parameters]) -> None:
        self._values = dict(values)

    def of(self, declaration: type[P]) -> P:
        """The values of one scene, as an immutable instance of its declaration."""
        values = self._values[declaration.scene]
        assert isinstance(values, declaration)
        return values


class Registry:
    """The values of all parameters of the given scenes. Raises ValueError if two share a name."""

    def __init__(self, *scenes: type[Parameters]) -> None:
        self._now = {declaration.scene: declaration() for declaration in scenes}
        if len(self._now) != len(scenes):
            raise ValueError("two declarations of one scene: " + ", ".join(each.scene for each in scenes))
        # What is set last; differs from `_now` in what waits for the next scene.
        self._next = dict(self._now)
        self._snapshot: ParameterValues | None = None  # of `_now`, until that changes
        self.parameters: Mapping[str, Parameter] = {
            parameter.address: parameter for each in scenes for parameter in each.declared()
        }

    def of(self, declaration: type[P]) -> P:
        """The values in force now, as an immutable instance of the declaration."""
        return self.snapshot().of(declaration)

    def snapshot(self) -> ParameterValues:
        """All values in force now; later changes do not reach it. Cheap enough for every frame."""
        if self._snapshot is None:
            self._snapshot = ParameterValues(self._now)
        return self._snapshot

    def get(self, address: str) -> Value | Refusal:
        """The value set last, even if it waits for the next scene."""
        if address not in self.parameters:
            return _unknown(address)
        scene, _, name = address.partition("/")
        value: Value = getattr(self._next[scene], name)
        return value

    def set(self, address: str, value: object, at_next_scene: bool = False) -> Value | Refusal:
        """Sets a parameter to a value of any type. Returns the value that was set, or a Refusal.

        With `at_next_scene` the change waits for the next scene, even where it could apply at once.
        """
        parameter = self.parameters.get(address)
        if parameter is None:
            return _unknown(address)
        accepted = parameter.accept(value)
        if isinstance(accepted, Refusal):
            return accepted
        scene, _, name = address.partition("/")
        values = _with(self._next[scene], address, accepted)
        if isinstance(values, Refusal):
            return values
        self._next[scene] = values
        if parameter.applies is Applies.AT_ONCE and not at_next_scene:
            self._now[scene] = self._now[scene].model_copy(update={name: accepted})
            self._snapshot = None
        return accepted

    def begin_scene(self) -> None:
        """Applies the changes that waited for the next scene. Call between two scenes."""
        self._now = dict(self._next)
        self._snapshot = None

    def changes(self) -> dict[str, dict[str, Value]]:
        """What differs from the defaults: scene -> parameter -> value."""
        found: dict[str, dict[str, Value]] = {}
        for address, parameter in self.parameters.items():
            scene, _, name = address.partition("/")
            value = getattr(self._next[scene], name)
            if value != parameter.default:
                found.setdefault(scene, {})[name] = value
        return found

    def load(self, path: Path) -> list[str]:
        """Sets every parameter from a file (`read_newest`); what it does not name is reset.

        As with `set`, some changes wait for the next scene. Returns one line for each fault in the file;
        faults never raise, so that the installation always starts.
        """
        content, lines = read_newest(path)
        wanted, faults = self.validate(content, str(path))
        for address, value in wanted.items():
            done = self.set(address, value)
            if isinstance(done, Refusal):
                faults.append(f"{path}: {done} It stays as it is.")
        return lines + faults

    def validate(self, content: Mapping[str, Any], source: str) -> tuple[dict[str, Value], list[str]]:
        """Checks a file's content without setting anything.

        Returns the value of every parameter, its default where the content does not name it or is wrong, and
        one line for each fault, which begins with `source`.
        """
        wanted = {address: parameter.default for address, parameter in self.parameters.items()}
        lines = []
        for scene, entries in content.items():
            if not isinstance(entries, dict):
                lines.append(f"{source}: {printable(scene)} stands outside of any scene. Remove it.")
                continue
            for name, value in entries.items():
                address = f"{scene}/{name}"
                parameter = self.parameters.get(address)
                accepted = parameter.accept(value) if parameter else _unknown(address)
                if not isinstance(accepted, Refusal):
                    checked = _with(type(self._now[scene])(), address, accepted)
                    accepted = checked if isinstance(checked, Refusal) else accepted
                if isinstance(accepted, Refusal):
                    lines.append(f"{source}: {accepted} The default is used.")
                    continue
                wanted[address] = accepted
                if not isinstance(accepted, str) and accepted != value:
                    lines.append(f"{source}: {address} is set to {accepted}, the nearest it takes.")
        return wanted, lines


def _with(values: P, address: str, accepted: Value) -> P | Refusal:
    """A copy of the values with one changed, validated by the declaration's own pydantic validators."""
    changed = values.model_dump() | {address.partition("/")[2]: accepted}
    try:
        return type(values).model_validate(changed, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        # The validator's own message, without pydantic's prefix.
        words = str(first.get("ctx", {}).get("error", first["msg"]))
        return Refusal(address, Reason.INVALID, f"{words[:1].upper()}{words[1:]}.")


def _unknown(address: str) -> Refusal:
    return Refusal(address, Reason.UNKNOWN, "`./kiosk osc` lists them all.")

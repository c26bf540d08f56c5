"""PyTorch modules as a pickle describes them, taken apart into tensors and settings.

Two kinds of module exist in pickles: ordinary ones, which name a class of the program that wrote them, and
NVIDIA's persistent ones, which carry their own source text. Neither the class nor the source is looked at.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.common.errors import InvalidWeights
from engine.stylegan2.known_names import NAMESPACE, RECONSTRUCT
from engine.stylegan2.pickled_values import Record

MAX_MODULES = 1000  # FFHQ-1024 has 72
MAX_PARTS = 50_000  # tensors and settings of a network
MAX_PATH = 1000  # characters
# What PyTorch and NVIDIA's persistence keep in every module and what does not change what it computes. Hooks
# of the forward pass do, and so may what is not known: both are settings.
HARMLESS = {
    *("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_is_full_backward_hook"),
    *("_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks", "_state_dict_pre_hooks"),
    *("_load_state_dict_pre_hooks", "_load_state_dict_post_hooks", "_forward_hooks_always_called"),
    *("_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs", "_version", "_compiled_call_impl"),
    *("_init_args", "_init_kwargs", "_orig_module_src", "_orig_class_name"),
}
MAX_ARGUMENTS = 100  # groups of a constructor's arguments


@dataclass(frozen=True)
class Setting:
    """What a module says about itself beside its tensors.

    `module` is its path ("" is the root). `argument`: a value given to the constructor, which only NVIDIA's
    modules keep; otherwise an attribute, which is what the module computes with.
    """

    module: str
    name: str
    value: Any
    argument: bool


@dataclass
class Parts:
    """A network: its tensors by full name, as the pickle has them, and its settings."""

    tensors: dict[str, Any] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)

    def under(self, prefix: str) -> "Parts":
        """What lies below `prefix` ("" or a path and a dot), under names without it."""
        return Parts(
            {k[len(prefix) :]: value for k, value in self.tensors.items() if k.startswith(prefix)},
            [
                replace(setting, module=setting.module[len(prefix) :])
                for setting in self.settings
                if f"{setting.module}.".startswith(prefix)
            ],
        )


def is_module(value: Any) -> bool:
    """Whether a value of a pickle stands for a PyTorch module."""
    return "_modules" in _fields(value)


def take_apart(module: Any) -> Parts:
    """All tensors and settings of a module and of what is inside it.

    Raises `InvalidWeights` where it has more than `MAX_MODULES` parts (a module may contain itself).
    """
    parts = Parts()
    modules: list[tuple[str, Any]] = [("", module)]
    for prefix, part in modules:
        if len(modules) > MAX_MODULES or len(prefix) > MAX_PATH:
            raise InvalidWeights(
                f"its generator has more than {MAX_MODULES} parts, or parts that are nested too deep"
            )
        fields, path = _fields(part), prefix.removesuffix(".")
        found = sum(map(len, (fields, fields["_parameters"], fields["_buffers"])))
        if found + len(parts.tensors) + len(parts.settings) > MAX_PARTS:
            raise InvalidWeights(f"its generator has more than {MAX_PARTS} tensors and settings")
        for tensors in (fields["_parameters"], fields["_buffers"]):
            parts.tensors |= {prefix + name: value for name, value in tensors.items() if value is not None}
        parts.settings += [
            Setting(path, name, plain(value), argument=False)
            for name, value in fields.items()
            if not name.startswith("_") or (name not in HARMLESS and not _is_empty(value))
        ]
        parts.settings += _arguments(path, fields.get("_init_kwargs") or {})
        # The list grows while it is walked: children come after their parents.
        children = fields["_modules"].items()
        modules += [(f"{prefix}{name}.", child) for name, child in children if child is not None]
    return parts


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, dict | list | tuple | str) and not value)


def plain(value: Any) -> Any:
    """NumPy's single numbers as Python's; everything else as it is."""
    if not isinstance(value, Record) or not value.name.endswith(".multiarray.scalar"):
        return value
    kind, content = value.arguments
    forms = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "b1": "<?"}
    return struct.unpack(forms[kind.arguments[0]], content)[0]


def attributes(value: Any) -> Mapping[str, Any]:
    """What training arguments, a Namespace or a dict, are set to; empty for anything else."""
    if isinstance(value, Record) and value.name == NAMESPACE:
        value = value.state
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else {}


def _fields(value: Any) -> dict[str, Any]:
    """The attributes of a module, `_modules` among them; empty where `value` is none."""
    fields = None
    if isinstance(value, Record):
        fields = value.arguments[0].get("state") if value.name == RECONSTRUCT else value.state
    return fields if isinstance(fields, dict) and "_modules" in fields else {}


def _arguments(path: str, arguments: Mapping[str, Any]) -> list[Setting]:
    """The arguments of a constructor; `mapping_kwargs` are those of the child `mapping`, and so on."""
    groups = [(path, arguments)]
    settings: list[Setting] = []
    for group_path, group in groups:
        if len(groups) > MAX_ARGUMENTS or len(settings) > MAX_PARTS:
            raise InvalidWeights("its generator was made with more arguments than any is")
        for name, value in group.items():
            if name.endswith("_kwargs") and isinstance(value, dict):
                child = name.removesuffix("_kwargs")
                # The list grows while it is walked.
                groups.append((f"{group_path}.{child}" if group_path else child, value))
            else:
                settings.append(Setting(group_path, name, plain(value), argument=True))
    return settings

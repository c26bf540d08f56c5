"""The names that a pickle of weights may speak of, and what a reader makes of them; nothing is imported.

Training programs save random states, paths, dates and settings beside the tensors. All of them are harmless
data here, because a name outside `CONTAINERS` only ever becomes an inert record.
"""

import builtins
from collections.abc import Mapping

from engine.common.weights_file import is_standard_library

RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
PARAMETER = "torch._utils._rebuild_parameter"
PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state"
TENSOR = "torch._utils._rebuild_tensor_v2"
TENSOR_OF_NEW_TYPE = "torch._utils._rebuild_tensor_v3"  # float8, uint16 and so on
STORAGE = "torch.storage._load_from_bytes"
NAMESPACE = "argparse.Namespace"
PARTIAL = "functools.partial"
ENCODE = "_codecs.encode"
# What protocols 0 and 1 call for an object: (its class, the class's base, the base's state).
OBJECT = ("copyreg._reconstructor", "copy_reg._reconstructor")
# Calls its first argument, a function, with the third.
REBUILD_FROM_TYPE = "torch._tensor._rebuild_from_type_v2"

# Become a dict; a set or a list becomes a list.
CONTAINERS: Mapping[str, type] = {
    **dict.fromkeys(("dnnlib.util.EasyDict", "easydict.EasyDict", "collections.OrderedDict"), dict),
    **{f"{module}.{name}": list for module in ("builtins", "__builtin__") for name in ("set", "frozenset")},
    **dict.fromkeys(("builtins.list", "__builtin__.list"), list),
}


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


# Protocols 0 to 2 name Python's own modules as Python 2 did.
_BUILTINS = [
    *("int", "float", "complex", "bool", "str", "object", "slice", "range", "tuple", "dict", "bytes"),
    *("bytearray", "Ellipsis", "NotImplemented", "long", "unicode", "xrange"),
    *(name for name, value in vars(builtins).items() if _is_exception(value)),
]
_PATHS = ["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"]
_GETTERS = ["attrgetter", "itemgetter", "methodcaller"]
_NUMPY_ARRAYS = ["scalar", "_reconstruct", "_frombuffer"]
_RECORDS = {
    "_io": ["BytesIO", "StringIO"],
    "argparse": ["Namespace"],
    "array": ["array", "_array_reconstructor"],
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "collections": ["ChainMap", "Counter", "UserDict", "UserList", "defaultdict", "deque"],
    "copyreg": ["_reconstructor"],
    "copy_reg": ["_reconstructor"],
    "datetime": ["date", "datetime", "time", "timedelta", "timezone"],
    "decimal": ["Decimal"],
    "dnnlib.tflib.network": ["Network"],
    "fractions": ["Fraction"],
    "functools": ["partial"],
    "logging": ["getLogger"],
    "_operator": _GETTERS,
    "operator": _GETTERS,
    "numpy": ["dtype", "ndarray"],
    "numpy.core.multiarray": _NUMPY_ARRAYS,
    "numpy._core.multiarray": _NUMPY_ARRAYS,
    "numpy.core.numeric": ["_frombuffer"],
    "numpy._core.numeric": ["_frombuffer"],
    "numpy.random._pickle": ["__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"],
    "numpy.random.bit_generator": ["__pyx_unpickle_SeedSequence"],
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "random": ["Random"],
    "re": ["_compile"],
    "tfutil": ["Network"],
    "torch": ["Generator", "Size", "device"],
    "torch._C": ["Generator"],
    "torch._tensor": ["_rebuild_from_type_v2"],
    "torch._utils": [
        *("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_tensor", "_rebuild_tensor_v2"),
        *("_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_device_tensor_from_numpy"),
        *("_rebuild_meta_tensor_no_storage", "_rebuild_wrapper_subclass", "_rebuild_tensor_v3"),
        *("_rebuild_nested_tensor", "_rebuild_sparse_csr_tensor"),
    ],
    "torch.nn.parameter": ["Parameter"],
    "torch.serialization": ["_get_layout"],
    "torch.storage": ["_load_from_bytes"],
    "torch_utils.persistence": ["_reconstruct_persistent_obj"],
    "types": ["SimpleNamespace"],
    "uuid": ["UUID"],
}
CALLABLE = {
    *(f"{module}.{name}" for module, names in _RECORDS.items() for name in names),
    *(*CONTAINERS, ENCODE),
}
# Modules of Python that hold only types, which a pickle may name but not call.
_TYPES = ("enum", "numbers", "types", "typing")
# Python's own objects that take what a type is made of: `Optional[int]` is getitem(Union, (int, NoneType)).
TYPE_ARGUMENTS = ("_operator.getitem", "operator.getitem")
TYPE_OF = ("builtins.type", "__builtin__.type")  # of None, which has no name


def may_be_named(dotted: str) -> bool:
    """Whether a pickle may speak of this name: everything but Python's own functions and classes."""
    if dotted in CALLABLE or dotted in (*TYPE_ARGUMENTS, *TYPE_OF) or dotted.partition(".")[0] in _TYPES:
        return True
    return not is_standard_library(dotted)

"""The names that a pickle of weights may speak of, and what a reader makes of them; nothing is imported.

Training programs save random states, paths, dates and settings beside the tensors. All of them are harmless
data here, because a name outside `CONTAINERS` only ever becomes an inert record.
"""

import builtins
from collections.abc import Mapping

from engine.common.forbidden_name import is_standard_library

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


_EXCEPTIONS = [
    *(name for name, value in vars(builtins).items() if _is_exception(value)),
    "StandardError",
]
# Protocols 0 to 2 name Python's own modules as Python 2 did.
_BUILTINS = [
    *("int", "float", "complex", "bool", "str", "object", "slice", "range", "tuple", "dict", "bytes"),
    *(
        "iter",
        "enumerate",
        "zip",
        "reversed",
        "bytearray",
        "Ellipsis",
        "NotImplemented",
        "long",
        "unicode",
        "xrange",
    ),
    *_EXCEPTIONS,
]
_PATHS = ["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"]
_GETTERS = ["attrgetter", "itemgetter", "methodcaller"]
_MASKED_ARRAYS = ["_mareconstruct", "MaskedArray", "MaskedConstant", "mvoid"]
_ADDRESSES = [f"IPv{version}{kind}" for version in (4, 6) for kind in ("Address", "Network", "Interface")]
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
    "exceptions": _EXCEPTIONS,
    "fractions": ["Fraction"],
    "functools": ["partial"],
    "http": ["HTTPMethod", "HTTPStatus"],
    "ipaddress": _ADDRESSES,
    "itertools": ["chain", "count", "cycle", "islice", "product", "repeat"],
    "logging": ["LogRecord", "getLogger"],
    "_operator": _GETTERS,
    "operator": _GETTERS,
    "platform": ["uname_result"],
    "signal": ["Signals"],
    "time": ["struct_time"],
    "zoneinfo": ["ZoneInfo", "ZoneInfo._unpickle"],
    "numpy": ["dtype", "ndarray"],
    "numpy.core.multiarray": _NUMPY_ARRAYS,
    "numpy._core.multiarray": _NUMPY_ARRAYS,
    "numpy.core.numeric": ["_frombuffer"],
    "numpy._core.numeric": ["_frombuffer"],
    "numpy.ma": _MASKED_ARRAYS,
    "numpy.ma.core": _MASKED_ARRAYS,
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
# Modules of arithmetic, and functions without effects: they may be named as a setting's value, not called.
_ARITHMETIC = ("cmath", "math", "operator", "_operator", "statistics")
_FUNCTIONS = {
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in (
        *(
            "abs",
            "all",
            "any",
            "ascii",
            "bin",
            "callable",
            "chr",
            "divmod",
            "filter",
            "format",
            "hash",
            "hex",
        ),
        *("id", "isinstance", "issubclass", "len", "map", "max", "min", "next", "oct", "ord", "pow"),
        *("print", "repr", "round", "sorted", "sum", "property", "staticmethod", "classmethod", "type"),
    )
}
# Looks up an attribute: protocols below 4 name a class's methods by it.
ATTRIBUTE = ("builtins.getattr", "__builtin__.getattr")
# Python's own objects that take what a type is made of: `Optional[int]` is getitem(Union, (int, NoneType)).
TYPE_ARGUMENTS = ("_operator.getitem", "operator.getitem")
# `int | None` is reduce(or_, (int, NoneType)).
TYPE_UNION = ("functools.reduce", "__builtin__.reduce", "_functools.reduce")
TYPE_OF = ("builtins.type", "__builtin__.type")  # of None, which has no name


def may_be_named(dotted: str) -> bool:
    """Whether a pickle may speak of this name: everything but Python's own functions and classes."""
    if (
        dotted in CALLABLE
        or dotted in (*TYPE_ARGUMENTS, *TYPE_UNION, *TYPE_OF, *ATTRIBUTE)
        or dotted in _FUNCTIONS
    ):
        return True
    if dotted.partition(".")[0] in _TYPES or dotted.rpartition(".")[0] in _ARITHMETIC:
        return True
    return not is_standard_library(dotted)

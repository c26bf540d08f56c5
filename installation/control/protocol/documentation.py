"""docs/osc.md and what `./kiosk osc` prints, made from the registry and the tables of commands."""

from installation.control.protocol.address_space import (
    ANSWERS,
    COMMANDS,
    OUTPUTS,
    TAGS,
    Output,
    parameter_address,
)
from installation.control.protocol.parameter_table import parameter_table, value_text
from installation.settings.parameters import Parameter
from installation.settings.registry import Registry

INTRODUCTION = """\
# Every OSC address

Made by `./kiosk osc --markdown` from what the program itself goes by; how to connect TouchOSC, QLab and
TouchDesigner is in [show-control.md](show-control.md).

- **Set** a parameter by sending one value to `/scene/` and its name below: `/scene/visit/hold_s 1.5`. The
  value really set comes back: what is out of range is clamped, or refused where the table says so. TOML files
  name the same parameter `hold_s` in the section `[visit]`.
- **Read** anything by sending its address without a value. The answer goes to the address and port that
  asked.
- What is refused is answered with `/error <address> <reason>`.
- **Patterns** are those of OSC 1.0: `?`, `*`, `[a-c]`, `[!x]`, `{a,b}`. None of them matches a `/`.
  They reach parameters and what is told; what does something is done under its full address only.
- **Bundles** apply together. One that is dated ahead waits, at most ten minutes; one that comes late applies
  at once.
- A change applies *at once*, or when the *next scene* begins.
"""


def markdown_page(registry: Registry) -> str:
    """The whole reference, as Markdown."""
    parts = [
        INTRODUCTION,
        "# What can be asked for\n",
        "| address | takes | what it does |",
        "| --- | --- | --- |",
    ]
    for command in COMMANDS:
        takes = "<br>".join(
            _argument_text(slot, place < command.required) for place, slot in enumerate(command.arguments)
        )
        parts.append(f"| `{command.address}` | {takes} | {command.description} |")
    parts += [
        "\nA command without arguments is a button: sent with 0 or false it is let go, and nothing happens.",
        "\n# What is told\n",
        "To everybody who has sent `/subscribe`, as often as it changes and at most once a frame.\n",
        *_output_table(OUTPUTS),
        "\nTo the sender only, in answer:\n",
        *_output_table(ANSWERS),
        "\n# Parameters\n",
        parameter_table(registry),
    ]
    return "\n".join(parts)


def terminal_listing(registry: Registry) -> str:
    """The address space for a terminal, a line each: address, types, arguments or range, description."""
    rows = [
        (
            parameter_address(address),
            TAGS[each.kind],
            f"{each.range}; {value_text(each.default)}",
            each.description,
        )
        for address, each in registry.parameters.items()
    ]
    for command in COMMANDS:
        tags = "".join(TAGS[slot.kind] for slot in command.arguments)
        takes = " ".join(slot.address for slot in command.arguments)
        rows.append((command.address, tags, takes, command.description))
    rows += [
        (each.address, each.tags, " ".join(each.names), each.description) for each in (*OUTPUTS, *ANSWERS)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]])
        for row in rows
    )


def _output_table(outputs: tuple[Output, ...]) -> list[str]:
    return [
        "| address | types | arguments | what it is |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{each.address}` | {each.tags} | {', '.join(each.names)} | {each.description} |"
            for each in outputs
        ),
    ]


def _argument_text(slot: Parameter, needed: bool) -> str:
    default = (
        "" if needed else f", else {slot.default:g}" if isinstance(slot.default, float) else ", optional"
    )
    return f"{slot.address}: {slot.description} ({slot.range}{default})".replace("|", "\\|")

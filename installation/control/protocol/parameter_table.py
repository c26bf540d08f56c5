"""The registry's parameters as a Markdown table, for docs/osc.md and docs/scenes.md."""

from installation.settings.parameters import Outside, Value
from installation.settings.registry import Registry


def parameter_table(registry: Registry) -> str:
    """All parameters as Markdown: for each scene a heading and a table."""
    parts = []
    for scene in dict.fromkeys(address.partition("/")[0] for address in registry.parameters):
        parts.append(
            f"## {scene}\n\n"
            "| parameter | type | range | default | changes apply | what it is |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        for address, each in registry.parameters.items():
            if address.startswith(f"{scene}/"):
                beyond = ", refused beyond" if each.outside is Outside.REFUSE else ""
                cells = [
                    f"`{address}`", each.kind, each.range + beyond, value_text(each.default), each.applies,
                    each.description,
                ]  # fmt: skip
                parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)


def value_text(value: Value) -> str:
    """A value as one line for people to read."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case str():
            return value.replace("\n", " / ") or "(empty)"
        case _:
            return str(value)

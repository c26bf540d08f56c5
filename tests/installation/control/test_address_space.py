"""The table of addresses, the documentation made from it, and the control's configuration."""

import tempfile
from pathlib import Path

import pytest

from engine.common.errors import UsageError
from installation.cli.osc import default_registry
from installation.control.protocol.address_space import COMMANDS, OUTPUTS
from installation.control.protocol.documentation import markdown_page, terminal_listing
from installation.settings.configuration import load
from tests.conftest import REPO
from tests.support.headless_stage import HeadlessStage


def test_every_command_is_carried_out_and_no_address_is_used_twice() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = HeadlessStage(Path(folder))
        assert set(stage.control._dispatcher._actions) == {command.address for command in COMMANDS}
        stage.control.close()
    every = [each.address for each in (*COMMANDS, *OUTPUTS)]
    assert len(set(every)) == len(every)


def test_the_documentation_is_current() -> None:
    """Otherwise: ./kiosk osc --markdown > docs/osc.md"""
    assert (REPO / "docs" / "osc.md").read_text("utf-8") == markdown_page(default_registry()) + "\n"


def test_the_documentation_is_complete() -> None:
    registry = default_registry()
    written, listed = markdown_page(registry), terminal_listing(registry)
    for address in [*registry.parameters, *(each.address for each in (*COMMANDS, *OUTPUTS))]:
        assert f"`{address}`" in written and address in listed


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ('address = "everywhere"', "address"),
        ('allow = ["10.0.0.0/99"]', "allow"),
        ('allow = ["*"]', "allow"),
        ('send_to = ["10.0.0.7"]', "send_to"),
        ('send_to = ["10.0.0.7:0"]', "send_to"),
        ('send_to = ["qlab:53001"]', "send_to"),
        ("osc_port = 70000", "osc_port"),
        ('pasword = "x"', "pasword"),
    ],
)
def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path, entry: str, wrong: str) -> None:
    (tmp_path / "kiosk.toml").write_text(f"[control]\n{entry}\n")
    with pytest.raises(UsageError, match=rf"control\.{wrong}"):
        load(tmp_path / "kiosk.toml")

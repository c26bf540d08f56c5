"""`./kiosk doctor`: what this machine has, what is wrong with it, and the command that mends it."""

import argparse
from collections.abc import Iterator, Sequence

from engine.common.errors import MachineError
from installation.cli.paths import reachable_path
from installation.diagnosis.checks import CHECKS, Finding, Level
from installation.diagnosis.facts import gather
from installation.settings.configuration import DEFAULT, load


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `./kiosk doctor`."""
    parser.add_argument(
        "--config", type=reachable_path, default=DEFAULT, help="the TOML file that is to be used"
    )


def run(arguments: argparse.Namespace) -> int:
    """`./kiosk doctor`; returns 0, or 5 where anything is an error."""
    facts = gather(load(arguments.config))
    findings = [check(facts) for check in CHECKS]
    print("\n".join(table(findings)))
    return MachineError.exit_code if any(finding.level is Level.ERROR for finding in findings) else 0


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings as lines: level, subject and detail, and on a second line what to do, if anything."""
    for finding in findings:
        yield f"{finding.level.value:<9}{finding.subject:<18}{finding.detail}"
        if finding.mend:
            yield f"{'':<27}→ {finding.mend}"

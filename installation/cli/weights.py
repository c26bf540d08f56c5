"""`./kiosk weights list | fetch | verify | add`."""

import argparse
import sys

from engine.common.errors import WeightsError
from installation.cli.paths import reachable_path
from installation.settings.manifest import MANIFEST, Entry, Manifest


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the actions and their arguments."""
    parser.set_defaults(manifest=MANIFEST)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all weights, their licences, and which are here")
    fetch = actions.add_parser("fetch", help="download weights, verified and in one piece")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument("--accept-licence", action="store_true", help="you have read it and accept it")
    actions.add_parser("verify", help="hash every file that is here")
    add = actions.add_parser("add", help="take in a file that came another way")
    add.add_argument("file", type=reachable_path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Runs the chosen action; returns the exit code."""
    manifest = Manifest.load(arguments.manifest)
    match arguments.action:
        case "list":
            _list(manifest)
        case "fetch":
            from installation.settings.download import fetch

            for entry in [manifest.entry(name) for name in arguments.names]:
                if manifest.verify(entry) != "ok":
                    accepted = arguments.accept_licence or _ask(manifest, entry)
                    fetch(manifest, entry.name, accepted)
                print(manifest.path(entry))
        case "verify":
            return _verify(manifest)
        case "add":
            from installation.settings.download import add

            for entry in add(manifest, arguments.file):
                licence = manifest.licences[entry.licence]
                print(f"{entry.name}: added. {licence.name}: {licence.summary}")
    return 0


def _list(manifest: Manifest) -> None:
    for entry in manifest.entries.values():
        state = manifest.presence(entry)
        place = {"ok": "embedded" if entry.embedded else "here", "missing": "not here", "wrong": "wrong size"}
        licence = manifest.licences[entry.licence]
        print(f"{entry.name:<16}{place[state]:<12}{_size(entry):>8}  {entry.purpose}")
        print(f"{'':<38}{licence.name}: {licence.summary}")


def _verify(manifest: Manifest) -> int:
    """Prints the state of every entry. A download that is missing is no error."""
    wrong = False
    for entry in manifest.entries.values():
        state = manifest.verify(entry)
        wrong = wrong or state == "wrong" or (state == "missing" and entry.embedded)
        print(f"{entry.name:<16}{state:<9}{manifest.path(entry)}")
    return WeightsError.exit_code if wrong else 0


def _ask(manifest: Manifest, entry: Entry) -> bool:
    """Shows the licence and asks whether it is accepted; without a terminal it is not."""
    licence = manifest.licences[entry.licence]
    print(f"{entry.name} ({entry.purpose}, {_size(entry)})\n{licence.name}: {licence.summary}\n{licence.url}")
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return input("Type yes to accept this licence: ").strip().lower() == "yes"
    except EOFError:  # Ctrl-D
        return False


def _size(entry: Entry) -> str:
    if entry.size_bytes is None:
        return "?"
    return (
        f"{entry.size_bytes / 1e6:.0f} MB" if entry.size_bytes > 1e6 else f"{entry.size_bytes / 1e3:.0f} kB"
    )

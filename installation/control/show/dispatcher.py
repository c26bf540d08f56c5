"""Applies received messages: sets and reads parameters, carries out commands, refuses the rest."""

from collections.abc import Callable, Iterable, Mapping

from installation.control.protocol.address_space import (
    COMMANDS,
    OUTPUTS,
    Command,
    parameter_address,
    parse_arguments,
)
from installation.control.protocol.packets import Message, encode
from installation.control.show.fades import Fades
from installation.control.show.feedback import Feedback
from installation.control.show.history import History
from installation.control.show.replies import CommandRefused, Replies
from installation.control.transports.inbox import Peer, Received
from installation.settings.parameters import Refusal
from installation.settings.registry import Registry

# Carries out a command, called with (peer, now_s, *arguments). Returns the detail of `/done`, or None where
# the command is answered otherwise. May raise CommandRefused.
Action = Callable[..., str | None]

UNKNOWN = "unknown address. `./kiosk osc` lists them all."
CAN_ONLY_BE_READ = "can only be read."
TAKES_ONE_VALUE = "takes one value."


class Dispatcher:
    """Finds out what a message asks for, and does it. Belongs to the stage's thread.

    `actions` has an entry for each address of `address_space.COMMANDS`.
    """

    def __init__(
        self,
        registry: Registry,
        feedback: Feedback,
        fades: Fades,
        actions: Mapping[str, Action],
        replies: Replies,
        history: History,
    ) -> None:
        self._registry = registry
        self._feedback = feedback
        self._fades = fades
        self._actions = actions
        self._replies = replies
        self._history = history
        self._parameters = {parameter_address(address): address for address in registry.parameters}
        self._commands = {command.address: command for command in COMMANDS}
        self._outputs = {output.address for output in OUTPUTS}

    def apply(self, received: Received, now_s: float) -> None:
        """Applies messages in their order, and answers their sender."""
        for message in received.messages:
            address, peer = message.address, received.peer
            if address in self._parameters:
                self._set_or_read_parameter(message, peer, now_s)
            elif address in self._commands:
                self._run_command(self._commands[address], message.arguments, peer, now_s)
            elif address not in self._outputs:
                self._replies.refuse(peer, address, "unknown address", UNKNOWN)
            elif message.arguments:
                self._replies.refuse(peer, address, "refused value", CAN_ONLY_BE_READ)
            else:
                self._read(address, peer)

    def fault(self, message: Message) -> str:
        """Why a message would be refused, as far as that is known without the visit; empty: it would not."""
        address, arguments = message.address, message.arguments
        if address in self._commands:
            command = self._commands[address]
            understood = parse_arguments(command, _button_arguments(command, arguments) or ())
            return f"{understood}." if isinstance(understood, str) else ""
        if address not in self._parameters:
            return CAN_ONLY_BE_READ if address in self._outputs else UNKNOWN
        if len(arguments) != 1:
            return TAKES_ONE_VALUE
        outcome = self._registry.parameters[self._parameters[address]].accept(arguments[0])
        return f"{outcome.reason}. {outcome.detail}" if isinstance(outcome, Refusal) else ""

    def _read(self, address: str, peer: Peer) -> None:
        known = self._feedback.known(address)
        for arguments in known:
            peer.send(encode(address, *arguments))
        if not known:
            peer.send(encode("/error", address, "nothing is known yet."))

    def _set_or_read_parameter(self, message: Message, peer: Peer, now_s: float) -> None:
        address = self._parameters[message.address]
        if not message.arguments:
            self._read(message.address, peer)
            return
        if len(message.arguments) > 1:
            self._replies.refuse(peer, message.address, "refused value", TAKES_ONE_VALUE)
            return
        before = self._registry.get(address)
        outcome = self._registry.set(address, message.arguments[0])
        if isinstance(outcome, Refusal):
            reason = f"{outcome.reason}. {outcome.detail}"
            self._replies.refuse(peer, message.address, "refused value", reason)
            return
        if not isinstance(before, Refusal) and outcome != before:
            self._history.record_move(address, before, now_s)
        self._fades.cancel(address)
        self._feedback.publish(message.address, outcome, now_s=now_s, source=peer)

    def _run_command(self, command: Command, given: tuple[object, ...], peer: Peer, now_s: float) -> None:
        address = command.address
        arguments = _button_arguments(command, given)
        if arguments is None:
            return
        if command.required and not given and self._feedback.known(address):
            self._read(address, peer)
            return
        understood = parse_arguments(command, arguments)
        if isinstance(understood, str):
            self._replies.refuse(peer, address, "refused command", understood)
            return
        try:
            self._replies.done(peer, address, self._actions[address](peer, now_s, *understood))
        except CommandRefused as reason:
            self._replies.refuse(peer, address, "refused command", str(reason))


def publish_parameters(
    registry: Registry, feedback: Feedback, addresses: Iterable[str], now_s: float
) -> None:
    """Publishes the values of parameters (`scene/name`) that have changed."""
    for address in addresses:
        value = registry.get(address)
        assert not isinstance(value, Refusal)
        feedback.publish(parameter_address(address), value, now_s=now_s)


def _button_arguments(command: Command, arguments: tuple[object, ...]) -> tuple[object, ...] | None:
    """The arguments of a command; of a button none, or None (not the empty tuple) when it is released.

    A command that takes nothing is a button: its single number or switch says how far it is pressed.
    """
    if not command.arguments and len(arguments) == 1 and isinstance(arguments[0], bool | int | float):
        return () if arguments[0] else None
    return arguments

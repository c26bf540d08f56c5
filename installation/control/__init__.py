"""Curators shape the piece while it runs: over OSC (UDP and TCP), OSCQuery, and a page in a browser.

    control.py        what the stage holds: everything that came in is applied in `drain`, told in `publish`
    show.py           the words between the stage and the control
    commands.py       every address beside the parameters: what can be asked for, and what is told
    packets.py        OSC packets to messages and back
    addresses.py      OSC 1.0 address patterns
    inbox.py          the bounded queue between the network's threads and the stage's
    udp.py tcp.py     OSC over UDP, and over TCP
    oscquery.py       the address space as OSCQuery describes it
    web.py page/      OSCQuery over HTTP and WebSocket, and the page for people
    streams.py        what connections have in common
    advertisement.py  zeroconf
    feedback.py       who is told what, and how often
    scheduling.py     bundles that are dated ahead
    fades.py          parameters on their way to a preset
    presets.py        presets in their folder
    errands.py        what has to wait for the disk
    cues.py           what happens by itself, at a time or with the visit
    complaints.py     one counted line for each kind of nonsense
    documentation.py  docs/osc.md and `./kiosk osc`

Threads of the network only parse and queue. The registry is the stage's alone.
"""

from installation.control.control import Control
from installation.control.show import Blackout, JuryVerdict, ShowCommand, Sight, Start, Stop, Verdict

__all__ = ["Blackout", "Control", "JuryVerdict", "ShowCommand", "Sight", "Start", "Stop", "Verdict"]

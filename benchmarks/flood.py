"""Sends OSC messages at a rate, in a program of its own so that it keeps its pace.

    python -m benchmarks.flood RATE COUNT PORT [ADDRESS]

Each sets ADDRESS (a whole number) to the next of 1, 2, 3 ...
"""

import socket
import sys
import time

from pythonosc.osc_message_builder import OscMessageBuilder

rate, count, port = map(int, sys.argv[1:4])
address = sys.argv[4] if len(sys.argv) > 4 else "/scene/rehearsed/turns"
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began_s = time.monotonic()
for number in range(1, count + 1):
    message = OscMessageBuilder(address)
    message.add_arg(number)
    sender.sendto(message.build().dgram, ("127.0.0.1", port))
    time.sleep(max(began_s + number / rate - time.monotonic(), 0))

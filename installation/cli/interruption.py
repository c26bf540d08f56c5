"""How a command that writes files is stopped."""

import signal

INTERRUPTED = 130  # the exit code: 128 + SIGINT, as shells count


def let_signals_interrupt() -> None:
    """Treats `kill` and a closed terminal as ctrl+c, so that what is unfinished is removed.

    Only the first signal counts: a second one must not interrupt the removal.
    """
    taken = [
        number
        for number, usual in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
        if signal.getsignal(number) is usual  # nohup has one ignored
    ]

    def interrupt(*_: object) -> None:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, interrupt)

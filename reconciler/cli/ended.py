"""How a run ends that a signal ended."""

import signal


class Ended(BaseException):
    """A signal ended the run at once. No `Exception`: nothing on the way may take it for a fault of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number

"""The end of a run by a signal."""

import signal


class Ended(BaseException):
    """A signal ended the run at once. A `BaseException`, so that no handler of ordinary errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number

"""Messages, questions, signals and streams of the process."""

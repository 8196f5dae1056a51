"""The variable by which the demo tells its commands that their output reaches a terminal."""

ON_DEMO_TERMINAL = "RECONCILER_DEMO_TERMINAL"
"""`demo` sets it for the processes that it starts, if its own output is a terminal."""

"""The variable by which the demonstration tells its commands that their output goes to a terminal."""

ON_DEMO_TERMINAL = "RECONCILER_DEMO_TERMINAL"
"""`demo` sets the variable for its commands if its own output goes to a terminal."""

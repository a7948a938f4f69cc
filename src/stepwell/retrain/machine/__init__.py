"""The state machines of a workflow and of its monitor, as tables of states."""

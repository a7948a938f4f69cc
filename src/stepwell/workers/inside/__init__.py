"""Programs that run inside a user's process, or right before it becomes one.

They are files to be executed, not modules to be imported by the server: they use the standard library
only, run on any Python from 3.8 on, and know nothing of the server but what they are handed.
"""

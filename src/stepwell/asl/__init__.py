"""The Amazon States Language: text → source → model → checks → program.

Pure: nothing here does I/O, reads a clock or draws a random number of its own.
"""

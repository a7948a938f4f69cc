"""Retiring a workflow: what its runs made goes, so that its program can be destroyed and leaves nothing.

A program's destroy deletes what the program declared. Endpoints, models and packages were made by its runs;
they are found by the marks that each of them carries, and by nothing else: what somebody made by hand, or
another workflow, stays. It speaks AWS's APIs only.
"""

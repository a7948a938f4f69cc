"""The monitor: what a model in service is asked, held against what it was trained on.

A model is right about the world that it was trained on. When that world moves nothing fails: answers only get
worse. So captured inputs are compared with the training profile, and answers with labels that arrive later;
a threshold that is crossed is told once, until the value has been back.

The folder is shipped to a processing job, together with the gate's metrics and prepare's profile reader. So
it imports the standard library alone and runs on every Python from 3.8 on.
"""

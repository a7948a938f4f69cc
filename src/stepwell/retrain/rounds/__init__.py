"""Rounds: one measure of the monitor from begin to end, and what is left over from one that was killed.

A measure reads what others wrote (captured requests, the profiles of the champion's batches, labels), and a
job's inputs must be there when it starts: SageMaker refuses a prefix without objects. So a function lists
what there is and writes manifests; where there is nothing it says so, and no job is started.

It also keeps where the monitor stands, in one small document of the bucket, `monitor/current.json`, written
on conditions. A crossing is first written there as untold, with the state that it comes from; then it is
told, under a name that StartExecution takes once; then it is struck out. Whatever is killed in between, the
next round finds it and tells it again, which changes nothing where it had been told.

The folder is shipped to Lambda with the ledger's, for Python 3.12 with boto3. It imports nothing of Stepwell.
"""

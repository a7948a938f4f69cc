"""The ledger: what a workflow remembers between its runs, in JSON documents of its own bucket.

A state machine knows one run. Which objects make the next batch, whose turn it is, what was accepted and is
trained on, what the champion is, who approved: that outlasts runs, and two runs may ask at once. So two
functions keep it: `handler` answers the machine, `approvals` brings people's decisions to runs that wait.

There is no database: S3 refuses a write whose condition doesn't hold (If-None-Match, If-Match), and that is
enough for a claim and for records. Every answer may be asked for twice: a function is invoked again when its
answer is lost, and an event may come again. Time comes in with each question (`at`), so that records agree
with the execution's history and not with the clock of whichever machine answered.

The folder is shipped to Lambda as it is, for Python 3.12 with boto3. It imports nothing of Stepwell. What the
functions may do stands in the table of `stepwell.retrain.resources.rights`.
"""

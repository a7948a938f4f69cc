"""Operations as rows (`operations`), checked (`validate`, `fields`), authorised and dispatched.

`models` finds botocore's descriptions of them; `context` is what asynchronous handlers may use.
"""

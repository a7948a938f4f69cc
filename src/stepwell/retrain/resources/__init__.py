"""The AWS resources that a workflow is made of, and what each of them may do."""

"""Lineage: what a model came from and what came of it, read from AWS's own resources alone.

Nothing is kept for it beside what runs leave behind anyway: descriptions, tags, a package's metadata, and the
documents in the bucket. So it answers for every SageMaker resource, and says what it can't know.
"""

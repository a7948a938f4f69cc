"""The bucket of a workflow: versions are kept, nothing is public, EventBridge hears of what arrives."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from stepwell.retrain.resources.names import Names


def bucket(
    names: Names, force_destroy: bool, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Declare it and its settings; gives the last of them."""
    name = names.of("bucket")
    made = aws.s3.Bucket(name, bucket=names.bucket, force_destroy=force_destroy, tags=tags, opts=opts)
    private = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    versioned = aws.s3.BucketVersioning(
        name, bucket=made.id, versioning_configuration={"status": "Enabled"}, opts=opts
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[private, versioned]))
    return aws.s3.BucketNotification(name, bucket=made.id, eventbridge=True, opts=after)

# A model from an archive of its own, and an endpoint that serves it.

variable "image" { type = string }
variable "archives" { type = list(string) }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "rights" {
  statement {
    actions   = ["s3:ListBucket", "s3:GetObject"]
    resources = [aws_s3_bucket.models.arn, "${aws_s3_bucket.models.arn}/*"]
  }
  statement {
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "serving" {
  name               = "serving"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "serving" {
  name   = "rights"
  role   = aws_iam_role.serving.id
  policy = data.aws_iam_policy_document.rights.json
}

resource "aws_s3_bucket" "models" {
  bucket = "models"
}

resource "aws_s3_object" "archive" {
  count  = length(var.archives)
  bucket = aws_s3_bucket.models.bucket
  key    = "models/${count.index + 1}.tar.gz"
  source = var.archives[count.index]
  etag   = filemd5(var.archives[count.index])
}

resource "aws_sagemaker_model" "greeter" {
  name               = "greeter-${var.step}"
  execution_role_arn = aws_iam_role.serving.arn
  primary_container {
    image          = var.image
    model_data_url = "s3://${aws_s3_bucket.models.bucket}/${aws_s3_object.archive[var.step - 1].key}"
    environment    = { STEP = var.step }
  }
  tags       = { step = 1 }
  depends_on = [aws_iam_role_policy.serving]
  lifecycle { create_before_destroy = true }
}

resource "aws_sagemaker_model" "unserved" {
  name               = "unserved"
  execution_role_arn = aws_iam_role.serving.arn
  primary_container {
    image          = var.image
    model_data_url = "s3://${aws_s3_bucket.models.bucket}/${aws_s3_object.archive[0].key}"
  }
  tags = { step = var.step }
}

resource "aws_sagemaker_endpoint_configuration" "greeter" {
  name = "greeter-${var.step}"
  production_variants {
    variant_name           = "all"
    model_name             = aws_sagemaker_model.greeter.name
    initial_instance_count = 1
    instance_type          = "ml.m5.large"
    initial_variant_weight = 1
  }
  tags = { step = 1 }
  lifecycle { create_before_destroy = true }
}

resource "aws_sagemaker_endpoint_configuration" "unserved" {
  name = "unserved"
  production_variants {
    variant_name           = "all"
    model_name             = aws_sagemaker_model.unserved.name
    initial_instance_count = 1
    instance_type          = "ml.m5.large"
  }
  tags = { step = var.step }
}

resource "aws_sagemaker_endpoint" "greeter" {
  name                 = "greeter"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.greeter.name
  tags                 = { step = var.step }
}

resource "aws_sagemaker_model_package_group" "greeters" {
  model_package_group_name        = "greeters"
  model_package_group_description = "models that greet"
  tags                            = { step = var.step }
}

resource "aws_sagemaker_model_package_group" "renamed" {
  model_package_group_name = "renamed-${var.step}"
}

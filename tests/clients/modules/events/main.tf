# An upload starts a function; events of a bus start a state machine, and land in a log.

locals {
  trust = { for service in ["lambda", "states", "events"] : service => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "${service}.amazonaws.com" }
    }]
  }) }
}

resource "aws_iam_role" "each" {
  for_each           = local.trust
  name               = "${each.key}-role"
  assume_role_policy = each.value
}

resource "aws_iam_role_policy" "each" {
  for_each = {
    lambda = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    states = ["lambda:InvokeFunction"]
    events = ["states:StartExecution"]
  }
  name = "rights"
  role = aws_iam_role.each[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = each.value, Resource = "*" }]
  })
}

variable "package" { type = string }

resource "aws_lambda_function" "greeter" {
  function_name    = "greeter"
  role             = aws_iam_role.each["lambda"].arn
  runtime          = "python3.12"
  handler          = "main.handler"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  timeout          = var.step == 1 ? 10 : 20
  memory_size      = var.step == 1 ? 128 : 256
  description      = "step ${var.step}"
  environment {
    variables = { STEP = var.step }
  }
  tags       = { step = var.step }
  depends_on = [aws_iam_role_policy.each, aws_cloudwatch_log_group.function]
}

resource "aws_lambda_function" "published" {
  function_name = "published"
  role          = aws_iam_role.each["lambda"].arn
  runtime       = "python3.12"
  handler       = "main.handler"
  s3_bucket     = aws_s3_object.package.bucket
  s3_key        = aws_s3_object.package.key
  publish       = true
  description   = "step ${var.step}"
  depends_on    = [aws_iam_role_policy.each]
}

# every property of a permission takes a new one
resource "aws_lambda_permission" "bucket" {
  statement_id   = var.step == 1 ? "AllowBucket" : "AllowOneBucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.greeter.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = aws_s3_bucket.data.arn
  source_account = var.step == 1 ? null : data.aws_s3_bucket.data.arn == "" ? null : "000000000000"
}

resource "aws_s3_bucket" "data" {
  bucket        = "events-data"
  force_destroy = true
  tags          = { step = var.step }
}

resource "aws_s3_bucket" "renamed" {
  bucket = "events-renamed-${var.step}"
}

data "aws_s3_bucket" "data" {
  bucket = aws_s3_bucket.data.bucket
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id
  versioning_configuration {
    status = var.step == 1 ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
    bucket_key_enabled = var.step == 2
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = var.step == 2
  ignore_public_acls      = true
  restrict_public_buckets = var.step == 2
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    object_ownership = var.step == 1 ? "BucketOwnerPreferred" : "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = var.step == 1 ? ["s3:GetObject"] : ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.each["lambda"].arn]
    }
  }
}

resource "aws_s3_bucket_policy" "data" {
  bucket     = aws_s3_bucket.data.id
  policy     = data.aws_iam_policy_document.bucket.json
  depends_on = [aws_s3_bucket_public_access_block.data]
}

resource "aws_s3_bucket_notification" "data" {
  bucket      = aws_s3_bucket.data.id
  eventbridge = true
  lambda_function {
    id                  = "csv"
    lambda_function_arn = aws_lambda_function.greeter.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = var.step == 1 ? "data/" : "more/"
    filter_suffix       = ".csv"
  }
  depends_on = [aws_lambda_permission.bucket]
}

resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket.data.bucket
  key         = "package.zip"
  source      = var.package
  source_hash = filemd5(var.package)
  tags        = { step = var.step }
  metadata    = { step = var.step }
  depends_on  = [aws_s3_bucket_versioning.data]
}

resource "aws_s3_object" "moved" {
  bucket       = aws_s3_bucket.data.bucket
  key          = "moved-${var.step}.txt"
  content      = "step ${var.step}"
  content_type = "text/plain"
}

resource "aws_sfn_state_machine" "greeting" {
  name     = "greeting"
  role_arn = aws_iam_role.each["states"].arn
  definition = jsonencode({
    Comment = "step ${var.step}"
    StartAt = "Greet"
    States = {
      Greet = { Type = "Task", Resource = aws_lambda_function.greeter.arn, End = true }
    }
  })
  tags = { step = var.step }
}

resource "aws_sfn_state_machine" "renamed" {
  name       = "renamed-${var.step}"
  role_arn   = aws_iam_role.each["states"].arn
  definition = jsonencode({ StartAt = "Done", States = { Done = { Type = "Succeed" } } })
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/greeter"
  retention_in_days = var.step == 1 ? 1 : 7
  tags              = { step = var.step }
}

resource "aws_cloudwatch_log_group" "orders" {
  name = "/aws/events/orders"
}

resource "aws_cloudwatch_log_stream" "notes" {
  name           = "notes-${var.step}"
  log_group_name = aws_cloudwatch_log_group.function.name
}

resource "aws_cloudwatch_event_bus" "plant" {
  name        = "plant"
  description = "step ${var.step}"
  tags        = { step = var.step }
}

resource "aws_cloudwatch_event_permission" "plant" {
  event_bus_name = aws_cloudwatch_event_bus.plant.name
  statement_id   = "others"
  principal      = var.step == 1 ? "111111111111" : "222222222222"
}

resource "aws_cloudwatch_event_rule" "orders" {
  name           = "orders"
  event_bus_name = aws_cloudwatch_event_bus.plant.name
  description    = "step ${var.step}"
  event_pattern  = jsonencode({ source = var.step == 1 ? ["plant"] : ["plant", "shop"] })
  tags           = { step = var.step }
}

resource "aws_cloudwatch_event_rule" "weekly" {
  name                = "weekly-${var.step}"
  schedule_expression = "cron(0 4 ? * SUN *)"
  state               = "DISABLED"
}

resource "aws_cloudwatch_event_target" "machine" {
  rule           = aws_cloudwatch_event_rule.orders.name
  event_bus_name = aws_cloudwatch_event_bus.plant.name
  target_id      = "machine"
  arn            = aws_sfn_state_machine.greeting.arn
  role_arn       = aws_iam_role.each["events"].arn
  input_transformer {
    input_paths    = { item = "$.detail.item" }
    input_template = var.step == 1 ? "{\"item\": <item>}" : "{\"ordered\": <item>}"
  }
  retry_policy {
    maximum_event_age_in_seconds = 600
    maximum_retry_attempts       = var.step
  }
}

resource "aws_cloudwatch_event_target" "log" {
  rule           = aws_cloudwatch_event_rule.orders.name
  event_bus_name = aws_cloudwatch_event_bus.plant.name
  target_id      = "log-${var.step}"
  arn            = aws_cloudwatch_log_group.orders.arn
}

resource "aws_cloudwatch_event_target" "weekly" {
  rule  = aws_cloudwatch_event_rule.weekly.name
  arn   = aws_lambda_function.greeter.arn
  input = jsonencode({ step = var.step })
}

output "version" { value = aws_lambda_function.published.version }

# What a user may make whose rights end at names that begin with "narrow-".

variable "package" { type = string }

resource "aws_iam_role" "worker" {
  name = "narrow-worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["lambda.amazonaws.com", "states.amazonaws.com"] }
    }]
  })
}

resource "aws_s3_bucket" "data" {
  bucket = "narrow-data"
}

resource "aws_lambda_function" "worker" {
  function_name = "narrow-worker"
  role          = aws_iam_role.worker.arn
  runtime       = "python3.12"
  handler       = "main.handler"
  filename      = var.package
}

resource "aws_sfn_state_machine" "worker" {
  name       = "narrow-worker"
  role_arn   = aws_iam_role.worker.arn
  definition = jsonencode({ StartAt = "Done", States = { Done = { Type = "Succeed" } } })

  # the provider tries a refused CreateStateMachine again for minutes: the function, refused at once, is first
  depends_on = [aws_lambda_function.worker]
}

resource "aws_ssm_parameter" "setting" {
  name  = "/narrow/setting"
  type  = "String"
  value = "narrow"
}

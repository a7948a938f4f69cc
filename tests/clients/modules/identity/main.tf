data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
data "aws_partition" "here" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = var.step == 1 ? ["lambda.amazonaws.com"] : ["lambda.amazonaws.com", "states.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions = var.step == 1 ? ["logs:PutLogEvents"] : ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [join(":", [
      "arn", data.aws_partition.here.partition, "logs", data.aws_region.here.name,
      data.aws_caller_identity.me.account_id, "log-group", "/aws/*"
    ])]
  }
}

resource "aws_iam_role" "worker" {
  name                 = "worker"
  path                 = "/plant/"
  description          = "step ${var.step}"
  max_session_duration = var.step == 1 ? 3600 : 7200
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.step == 1 ? null : aws_iam_policy.logs.arn
  tags                 = { step = var.step }
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_policy" "logs" {
  name        = "logs"
  description = "writes logs"
  policy      = data.aws_iam_policy_document.logs.json
  tags        = { step = var.step }
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.logs.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

# a new description takes a new policy
resource "aws_iam_policy" "described" {
  name        = "described"
  description = "step ${var.step}"
  policy      = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_role_policy_attachment" "described" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.described.arn
}

resource "aws_iam_instance_profile" "machine" {
  name = "machine"
  role = aws_iam_role.worker.name
  tags = { step = var.step }
}

resource "aws_iam_user" "operator" {
  name = "operator"
  path = var.step == 1 ? "/" : "/plant/"
  tags = { step = var.step }
}

resource "aws_iam_group" "operators" {
  name = var.step == 1 ? "operators" : "all-operators"
}

resource "aws_iam_group_membership" "operators" {
  name  = "operators"
  group = aws_iam_group.operators.name
  users = [aws_iam_user.operator.name]
}

resource "aws_iam_user_policy" "logs" {
  name   = "logs"
  user   = aws_iam_user.operator.name
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_user_policy_attachment" "logs" {
  user       = aws_iam_user.operator.name
  policy_arn = aws_iam_policy.logs.arn
}

resource "aws_iam_access_key" "operator" {
  user   = aws_iam_user.operator.name
  status = var.step == 1 ? "Active" : "Inactive"
}

output "account" { value = data.aws_caller_identity.me.account_id }

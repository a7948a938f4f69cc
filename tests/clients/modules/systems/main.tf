# A window that runs a script, a function and a state machine; a document, an association and parameters.

variable "machine" { type = string }
variable "package" { type = string }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ssm.amazonaws.com", "lambda.amazonaws.com", "states.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "window" {
  name               = "window"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "window" {
  name = "rights"
  role = aws_iam_role.window.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["ssm:SendCommand", "lambda:InvokeFunction", "states:StartExecution", "logs:*"]
      Resource = "*"
    }]
  })
}

resource "aws_lambda_function" "task" {
  function_name = "task"
  role          = aws_iam_role.window.arn
  runtime       = "python3.12"
  handler       = "main.handler"
  filename      = var.package
  depends_on    = [aws_iam_role_policy.window]
}

resource "aws_sfn_state_machine" "task" {
  name       = "task"
  role_arn   = aws_iam_role.window.arn
  definition = jsonencode({ StartAt = "Done", States = { Done = { Type = "Succeed" } } })
}

resource "aws_ssm_maintenance_window" "sunday" {
  name                       = "sunday-${var.step}"
  description                = "step ${var.step}"
  schedule                   = var.step == 1 ? "cron(0 4 ? * SUN *)" : "rate(7 days)"
  schedule_timezone          = "Europe/Berlin"
  duration                   = var.step + 1
  cutoff                     = 1
  allow_unassociated_targets = var.step == 2
  enabled                    = var.step == 1
  tags                       = { step = var.step }
}

resource "aws_ssm_maintenance_window_target" "machine" {
  window_id         = aws_ssm_maintenance_window.sunday.id
  name              = "machine"
  owner_information = "step ${var.step}"
  resource_type     = "INSTANCE"
  targets {
    key    = "InstanceIds"
    values = [var.machine]
  }
}

resource "aws_ssm_maintenance_window_target" "described" {
  window_id     = aws_ssm_maintenance_window.sunday.id
  name          = "described"
  description   = "step ${var.step}"
  resource_type = "INSTANCE"
  targets {
    key    = "tag:role"
    values = ["machine"]
  }
}

resource "aws_ssm_maintenance_window_task" "script" {
  window_id        = aws_ssm_maintenance_window.sunday.id
  name             = "script"
  description      = "step ${var.step}"
  task_type        = "RUN_COMMAND"
  task_arn         = aws_ssm_document.greet.name
  service_role_arn = aws_iam_role.window.arn
  priority         = var.step
  max_concurrency  = var.step
  max_errors       = 1
  cutoff_behavior  = var.step == 1 ? "CONTINUE_TASK" : "CANCEL_TASK"
  targets {
    key    = "WindowTargetIds"
    values = [aws_ssm_maintenance_window_target.machine.id]
  }
  task_invocation_parameters {
    run_command_parameters {
      comment          = "step ${var.step}"
      timeout_seconds  = 60 * var.step
      document_version = "$DEFAULT"
      parameter {
        name   = "name"
        values = ["window ${var.step}"]
      }
    }
  }
}

resource "aws_ssm_maintenance_window_task" "function" {
  window_id        = aws_ssm_maintenance_window.sunday.id
  task_type        = "LAMBDA"
  task_arn         = aws_lambda_function.task.arn
  service_role_arn = aws_iam_role.window.arn
  priority         = 5
  max_concurrency  = 1
  max_errors       = 0
  targets {
    key    = "WindowTargetIds"
    values = [aws_ssm_maintenance_window_target.machine.id]
  }
  task_invocation_parameters {
    lambda_parameters {
      payload = jsonencode({ step = var.step })
    }
  }
}

resource "aws_ssm_maintenance_window_task" "machine" {
  window_id        = aws_ssm_maintenance_window.sunday.id
  task_type        = "STEP_FUNCTIONS"
  task_arn         = aws_sfn_state_machine.task.arn
  service_role_arn = aws_iam_role.window.arn
  priority         = 5
  max_concurrency  = 1
  max_errors       = 0
  targets {
    key    = "WindowTargetIds"
    values = [aws_ssm_maintenance_window_target.machine.id]
  }
  task_invocation_parameters {
    step_functions_parameters {
      input = jsonencode({ step = var.step })
    }
  }
}

resource "aws_ssm_document" "greet" {
  name            = "greet"
  document_type   = "Command"
  document_format = "YAML"
  content         = <<-YAML
    schemaVersion: '2.2'
    description: step ${var.step}
    parameters:
      name:
        type: String
        default: world
    mainSteps:
      - action: aws:runShellScript
        name: greet
        inputs:
          runCommand:
            - echo hello {{ name }}
  YAML
  tags            = { step = var.step }
}

resource "aws_ssm_document" "renamed" {
  name          = "renamed-${var.step}"
  document_type = "Command"
  content = jsonencode({
    schemaVersion = "2.2"
    description   = "prints the date"
    mainSteps     = [{ action = "aws:runShellScript", name = "date", inputs = { runCommand = ["date"] } }]
  })
}

resource "aws_ssm_association" "greet" {
  name                = aws_ssm_document.greet.name
  association_name    = "greeting-${var.step}"
  schedule_expression = var.step == 1 ? "rate(30 minutes)" : "rate(60 minutes)"
  compliance_severity = var.step == 1 ? "LOW" : "HIGH"
  max_concurrency     = "1"
  max_errors          = "0"
  parameters          = { name = "association ${var.step}" }
  tags                = { step = var.step }
  targets {
    key    = "InstanceIds"
    values = [var.machine]
  }
}

resource "aws_ssm_parameter" "plain" {
  name        = "/plant/plain"
  description = "step ${var.step}"
  type        = "String"
  value       = "step ${var.step}"
  tags        = { step = var.step }
}

resource "aws_ssm_parameter" "several" {
  name            = "/plant/several"
  type            = "StringList"
  value           = "a,b,${var.step}"
  allowed_pattern = "[a-z0-9,]+"
}

resource "aws_ssm_parameter" "secret" {
  name  = "/plant/secret-${var.step}"
  type  = "SecureString"
  value = "hidden"
}

data "aws_ssm_parameter" "plain" {
  name = aws_ssm_parameter.plain.name
}

output "plain" {
  value     = data.aws_ssm_parameter.plain.value
  sensitive = true
}

variable "endpoint" { type = string }

variable "step" {
  type    = number
  default = 1
}

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true

  endpoints {
    cloudwatchevents = var.endpoint
    cloudwatchlogs   = var.endpoint
    iam              = var.endpoint
    lambda           = var.endpoint
    s3               = var.endpoint
    sagemaker        = var.endpoint
    sfn              = var.endpoint
    sqs              = var.endpoint
    ssm              = var.endpoint
    sts              = var.endpoint
  }
}

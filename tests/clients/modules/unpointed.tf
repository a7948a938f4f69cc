# The same with no word of a server: the environment names it.

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
}

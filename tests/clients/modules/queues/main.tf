# The provider asks for a queue's attributes again and again until they have held still for half a minute, and
# for a deleted queue still longer. No queue here waits for another.

variable "dead" { type = string }

resource "aws_sqs_queue" "orders" {
  name                       = "orders"
  visibility_timeout_seconds = 30 * var.step
  receive_wait_time_seconds  = var.step
  message_retention_seconds  = 3600 * var.step
  redrive_policy             = jsonencode({ deadLetterTargetArn = var.dead, maxReceiveCount = 2 + var.step })
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "step${var.step}"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:us-east-1:000000000000:orders"
    }]
  })
  tags = { step = var.step }
}

resource "aws_sqs_queue" "ordered" {
  name                        = "ordered-${var.step}.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
}

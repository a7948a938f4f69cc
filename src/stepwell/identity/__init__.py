"""IAM policies as pure values: parsed once, then asked who may do what.

    policy.parse(text)                 a policy document, compiled
    evaluate.decide(request, policies) AWS's decision, with the statements that made it
    trust.may_assume(...)              who may take on a role
    managed.find(arn)                  AWS's own managed policies

Nothing here knows the time, the store or the network: what a decision depends on is in its request.
"""

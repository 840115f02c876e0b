"""What happened, told to servers that the operator names: signed, at least once, in the form of Standard Webhooks."""

"""What was learnt before: weights to start from, models of other tools, and fine-tuning."""

"""Trackers of experiments as callbacks: a thread of their own talks to them, so that they neither fail nor delay a training.

`sender` is that thread; `mlflow` and `wandb` say what is told to whom.
"""

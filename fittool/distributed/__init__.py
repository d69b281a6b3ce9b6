"""Processes that train together: who one of them is, the words they pass, the group they form, and the starting of them.

`environment` reads what torchrun and fittool's own launcher say to a process, `board` and `watch` are how one learns that another
has failed, `torch_group` is the group of `fittool.process_group` over `torch.distributed`, `membership` joins and leaves it, and
`launcher` starts the processes of one machine. The transport is PyTorch's own; nothing here knows data, networks or runs.
"""

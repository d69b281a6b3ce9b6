"""Watches beside a training: divergence, floating-point faults, memory and handles, throughput.

`divergence` asks whether the training has gone wrong, `resource_monitor` whether memory or handles grow, `throughput` how
fast it is. Only `training` enters. A watch reads losses and clocks; it stops nothing itself but says or raises, and knows no
run directory.
"""

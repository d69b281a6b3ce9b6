"""Watches beside a training: divergence, floating-point faults, memory and handles, throughput."""

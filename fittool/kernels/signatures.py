"""The arguments of each kernel, in the order in which its C++ reads them; `tasks.parameter` explains the notation."""

from __future__ import annotations

from fittool.kernels.tasks import Signature

_WINDOW = {"top": 0, "left": 0, "stride_down": 1, "stride_across": 1, "step_down": 1, "step_across": 1}
# Axes: samples N, image height H and width W, channels C; kernel height K and width L, filters F; output height I and width J.

SIGNATURES: dict[str, Signature] = {
    "convolution": Signature(("x:N,H,W,C", "kernel:K,L,C,F", "bias?:F", "y!:N,I,J,F"), {**_WINDOW, "rectified": 0}),
    "convolution_input_gradient": Signature(("dx!:N,H,W,C", "turned:K,L,F,C", "bias?:C", "dy:N,I,J,F"), _WINDOW),
    "convolution_kernel_gradient": Signature(
        ("x:N,H,W,C", "dkernel!:K,L,C,F", "dbias?!:F", "dy:N,I,J,F"), {**_WINDOW, "fresh": 0}
    ),
    "turn_kernel": Signature(("kernel:E,C,F", "turned!:E,F,C"), {}),
    "rectify": Signature(("x:N", "y!=x:N"), {}),
    "rectify_gradient": Signature(("y:N", "dy:N", "dx!=dy,y:N"), {}),
}

"""The arguments of each kernel, in the order in which its C++ reads them; `tasks.parameter` explains the notation."""

from __future__ import annotations

from fittool.kernels.tasks import Signature

_POSITION = {"top": 0, "left": 0, "stride_down": 1, "stride_across": 1}
_WINDOW = {**_POSITION, "step_down": 1, "step_across": 1}
_POOL = {"down": 1, "across": 1, **_POSITION}
_COLUMNS = {"first": 0, "stop": 0}
_ELEMENTS = Signature(("x:N", "y!=x:N"), {})
_SLOPES = Signature(("y:N", "dy:N", "dx!=dy,y:N"), {})
# Axes: samples N, image height H and width W, channels C; kernel height K and width L, filters F; output height I and width J.
# In groups G, channels D and filters O of each.
# Rows of products and normalizations R, inputs of a product K; slices of a batch P; weights or elements E.

FILL_MODES = ("nearest", "constant", "wrap", "reflect")
"""In the order of the numbers by which the warp's kernels know them."""

FUNCTIONS = ("exp", "log", "log1p", "expm1", "tanh", "cos", "power")
"""In the order of the numbers by which the kernels that evaluate them know them."""

ELEMENT_LOSSES = ("squared", "absolute", "binary", "binary logits", "categorical")
"""In the order of the numbers by which `element_loss` knows them."""

ACTIVATIONS = ("gelu", "gelu by tanh", "silu", "mish", "softplus", "elu")
"""In the order of the numbers by which `activate` knows them."""

# Attention: samples N, heads G, queries T, keys S, with K numbers each, and values of V numbers.
_HEADS = ("query:N,T,G,K", "key:N,S,G,K", "value:N,S,G,V", "mask?:N,G,T,S")
_WALK = {"backwards": 0, "turned": 0}


def _forth(gates: int, *kept: str, biases: str = "") -> Signature:
    """A recurrent cell with its gates for each of U units along T steps; the output has S of them, all or the last."""
    weights = f"kernel:I,{gates},U", f"recurrent:U,{gates},U", f"bias?:{biases}{gates},U", "mask?:N,U"
    made = f"gates!:T,N,{gates},U", "previous!:T,N,U", "seen?!:T,N,U", "y!:N,S,U"
    return Signature(("x:N,T,I", *weights, *made, *kept), _WALK)


def _back(gates: int, *others: str) -> Signature:
    weights = f"kernel:I,{gates},U", f"recurrent:U,{gates},U", "mask?:N,U"
    return Signature((*weights, f"gates:T,N,{gates},U", "dy:N,S,U", f"gradient!:T,N,{gates},U", "dx?!:N,T,I", *others), _WALK)


SIGNATURES: dict[str, Signature] = {
    "convolution": Signature(("x:N,H,W,G,D", "kernel:K,L,D,G,O", "bias?:G,O", "y!:N,I,J,G,O"), {**_WINDOW, "rectified": 0}),
    "convolution_input_gradient": Signature(("dx!:N,H,W,G,D", "turned:K,L,G,O,D", "bias?:G,D", "dy:N,I,J,G,O"), _WINDOW),
    "convolution_kernel_gradient": Signature(
        ("x:N,H,W,G,D", "dkernel!:K,L,D,G,O", "dbias?!:G,O", "dy:N,I,J,G,O"), {**_WINDOW, "fresh": 0}
    ),
    "column_sums": Signature(("x:R,C", "sums!:C"), {"fresh": 0}),
    "turn_kernel": Signature(("kernel:E,C,F", "turned!:E,F,C"), {}),
    "depthwise": Signature(("x:N,H,W,C", "kernel:K,L,C", "bias?:C", "y!:N,I,J,C"), {**_WINDOW, "rectified": 0}),
    "depthwise_input_gradient": Signature(("dx!:N,H,W,C", "kernel:K,L,C", "dy:N,I,J,C"), _WINDOW),
    "depthwise_kernel_gradient": Signature(("x:N,H,W,C", "dkernel!:K,L,C", "dbias?!:C", "dy:N,I,J,C"), {**_WINDOW, "fresh": 0}),
    "dense": Signature(("x:R,K", "kernel:K,F", "bias?:F", "y!:R,F"), {**_COLUMNS, "rectified": 0}),
    "dense_kernel_gradient": Signature(("x:R,K", "dy:R,F", "dkernel!:K,F", "dbias?!:F"), _COLUMNS),
    "dense_input_gradient": Signature(("dx!:R,K", "kernel:K,F", "dy:R,F"), _COLUMNS),
    "product": Signature(("left:B,M,K", "right:B,K,N", "out!:B,M,N"), {}),
    "product_by_columns": Signature(("left:B,K,M", "right:B,K,N", "out!:B,M,N"), {}),
    "add_up": Signature(("x:O,R,I", "sums!:O,I:f64"), {}),
    "add_up_doubles": Signature(("x:O,R,I:f64", "sums!:O,I:f64"), {}),
    "dot": Signature(("a:N", "b:N", "total!:1:f64"), {}),
    "evaluate": Signature(("x:N", "y!=x:N"), {"function": 0}, ("exponent",)),
    "evaluate_doubles": Signature(("x:N:f64", "y!=x:N:f64"), {"function": 0}, ("exponent",)),
    "moments": Signature(("x:R,C", "mean!:C", "squares!:C"), {}),
    "merge_moments": Signature(
        ("means:P,C", "squares:P,C", "shares:P", "mean!:C", "variance!:C", "moving_mean!:C", "moving_variance!:C"),
        {"total": 1},
        ("rate",),
    ),
    "normalization_factors": Signature(
        ("mean:C", "variance:C", "gamma?:C", "beta?:C", "inverse!:C", "factor!:C", "offset!:C"), {}, ("epsilon",)
    ),
    "normalize": Signature(("x:R,C", "factor:C", "offset:C", "other?:R,C", "y!=other:R,C"), {"rectified": 0}),
    "normalization_sums": Signature(("x:R,C", "y?:R,C", "dy:R,C", "mean:C", "masked?!=dy:R,C", "sums!:C", "products!:C"), {}),
    "normalization_gradients": Signature(
        ("sums:P,C", "products:P,C", "mean:C", "inverse:C", "gamma?:C", "dgamma?!:C", "dbeta?!:C", "factors!:3,C"),
        {"total": 1, "fixed": 0},
    ),
    "normalization_input_gradient": Signature(("x:R,C", "dy:R,C", "factors:3,C", "dx!=dy:R,C"), {}),
    "layer_normalization": Signature(("x:R,C", "gamma?:C", "beta?:C", "normal!:R,C", "inverse!:R", "y!:R,C"), {}, ("epsilon",)),
    "layer_normalization_gradient": Signature(
        ("dy:R,C", "normal:R,C", "inverse:R", "gamma?:C", "dx?!:R,C", "dgamma?!:C", "dbeta?!:C"), {"fresh": 0}
    ),
    "attention": Signature((*_HEADS, "weights!:N,G,T,S", "y!:N,T,G,V"), {"causal": 0}, ("scale",)),
    "attention_gradient": Signature(
        (*_HEADS, "weights:N,G,T,S", "dy:N,T,G,V", "dquery?!:N,T,G,K", "dkey?!:N,S,G,K", "dvalue?!:N,S,G,V"), {}, ("scale",)
    ),
    "activate": Signature(("x:N", "y!=x:N"), {"activation": 0}, ("alpha", "scale")),
    "activate_gradient": Signature(("seen:N", "dy:N", "dx!=dy,seen:N"), {"activation": 0}, ("alpha", "scale")),
    "max_pooling": Signature(("x:N,H,W,C", "y!:N,I,J,C"), _POOL),
    "max_pooling_gradient": Signature(("x:N,H,W,C", "y:N,I,J,C", "dy:N,I,J,C", "dx!:N,H,W,C"), _POOL),
    "average_pooling": Signature(("x:N,H,W,C", "y!:N,I,J,C"), _POOL),
    "average_pooling_gradient": Signature(("dx!:N,H,W,C", "dy:N,I,J,C"), _POOL),
    "global_average": Signature(("x:N,P,C", "y!:N,C"), {}),
    "global_average_gradient": Signature(("dy:N,C", "dx!:N,P,C"), {}),
    "rectify": _ELEMENTS,
    "rectify_gradient": _SLOPES,
    "scale": Signature(("x:N", "y!=x:N"), {}, ("factor", "offset")),
    "add": Signature(("a:N", "b:N", "y!=a,b:N"), {}),
    "multiply": Signature(("a:N", "b:N", "y!=a,b:N"), {}),
    "dropout": Signature(("x:N,E", "y!=x:N,E", "mask!:N,E", "key:2:u32"), {"first": 0, "limit": 0}, ("kept",)),
    "sigmoid": _ELEMENTS,
    "sigmoid_gradient": _SLOPES,
    "tanh_forward": _ELEMENTS,
    "tanh_gradient": _SLOPES,
    "exponentiate": _ELEMENTS,
    "take_logarithm": _ELEMENTS,
    "softmax": Signature(("x:R,C", "y!=x:R,C"), {}),
    "softmax_gradient": Signature(("y:R,C", "dy:R,C", "dx!=dy:R,C"), {}),
    "sparse_crossentropy": Signature(
        ("logits:R,C", "probabilities:R,C", "numbers:R:i64", "weights?:R", "total!:1:f64", "gradient?!:R,C"), {}, ("divisor",)
    ),
    "element_loss": Signature(
        ("outputs:R,K", "targets:R,K", "squashed?:R,K", "weights?:R", "total!:1:f64", "gradient?!:R,K"), {"loss": 0}, ("divisor",)
    ),
    "descend": Signature(("weights!:E", "gradients:E", "momentum?!:E"), {"nesterov": 0}, ("rate", "factor")),
    "adapt_moments": Signature(
        ("weights!:E", "gradients:E", "momentum!:E", "velocity!:E", "largest?!:E"),
        {},
        ("first", "second", "epsilon", "rate"),
    ),
    "scale_by_root": Signature(("weights!:E", "gradients:E", "velocity!:E"), {}, ("rho", "rest", "epsilon", "rate")),
    "add_rows_by_number": Signature(("index:N:i64", "dy:N,L", "dtable!:V,L"), {}),
    "by_channel": Signature(("x:R,C", "center?:C", "divisor?:C", "factor?:C", "offset?:C", "y!=x:R,C"), {}),
    "simple_cell": _forth(1),
    "simple_cell_gradient": _back(1),
    "long_short_term_cell": _forth(4, "carry!:T,N,U", "squashed!:T,N,U"),
    "long_short_term_cell_gradient": _back(4, "carry:T,N,U", "squashed:T,N,U"),
    "reset_after_cell": _forth(3, "recurrent_sums!:T,N,U", biases="2,"),
    "reset_after_cell_gradient": _back(3, "previous:T,N,U", "recurrent_sums:T,N,U", "slopes!:T,N,3,U"),
    "reset_before_cell": _forth(3, "reset!:T,N,U"),
    "reset_before_cell_gradient": _back(3, "previous:T,N,U", "seen:T,N,U"),
    "recurrent_gradients": Signature(
        (
            "x:N,T,I",
            "seen:T,N,U",
            "reset?:T,N,U",
            "gradient:T,N,G",
            "slopes?:T,N,G",
            "dkernel!:I,G",
            "drecurrent!:U,G",
            "dbias?!:G",
            "dsecond?!:G",
        ),
        {"backwards": 0, **_COLUMNS, "fresh": 0},
    ),
    "warp_bytes": Signature(
        ("images:N,H,W,C:u8", "columns:N,2,W:i32", "rows:N,2,H:i32", "y!:N,H,W,C:u8"), {"mode": 0, "nearest": 0}, ("fill",)
    ),
    "warp_floats": Signature(
        ("images:N,H,W,C", "columns:N,2,W:i32", "rows:N,2,H:i32", "y!:N,H,W,C"), {"mode": 0, "nearest": 0}, ("fill",)
    ),
    "look_up": Signature(("x:N,E:u8", "table:N,256:u8", "y!=x:N,E:u8"), {}),
}

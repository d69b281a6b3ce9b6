"""Makes the models beside it with Keras 2, which later versions of Python have no wheels for: TensorFlow 2.15 on Python 3.11.

    python tests/exchange/keras2/make.py

Each is saved in both forms of that version, with predictions for some inputs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tensorflow import keras

L = keras.layers
FOLDER = Path(__file__).parent


def _image():
    x = keras.Input((8, 6, 3))
    y = L.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = L.BatchNormalization()(y)
    y = L.ReLU(max_value=6)(y)
    y = L.DepthwiseConv2D(3, strides=2, padding="same")(y)
    y = L.SeparableConv2D(4, 3)(y)
    y = L.LeakyReLU(alpha=0.2)(L.ZeroPadding2D(1)(y))
    return keras.Model(x, L.Dense(3, activation="softmax")(L.Flatten()(L.MaxPooling2D()(y))))


def _chain():
    return keras.Sequential([
        L.Dense(6, activation="hard_sigmoid", input_shape=(5,)), L.PReLU(), L.BatchNormalization(center=False), L.Dropout(0.3),
        L.Dense(2),
    ])  # fmt: skip


def _steps():
    x = keras.Input((6, 4))
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    y = L.Bidirectional(L.GRU(2, return_sequences=True, reset_after=False), merge_mode="sum")(y)
    y = L.TimeDistributed(L.Dense(3, activation="swish"))(y)
    y = L.MultiHeadAttention(2, 3)(y, y)
    return keras.Model(x, L.GRU(3)(L.LayerNormalization()(y)))


def _nested():
    inner = keras.Sequential([L.Dense(4, activation="relu", input_shape=(5,)), L.BatchNormalization(), L.Dense(5)], name="inner")
    shared = L.Dense(5, activation="tanh", name="shared")
    x = keras.Input((5,))
    y = L.Concatenate()([inner(shared(x)), shared(inner(x)), inner(x)])
    return keras.Model(x, [L.Dense(3, activation="softmax", name="kind")(y), L.Dense(1, name="amount")(y)])


def _unsettled(model):
    random = np.random.default_rng(1)
    model.set_weights([one + random.random(one.shape).astype("f4") * 0.3 for one in model.get_weights()])
    return model


MODELS = {"image": _image, "chain": _chain, "steps": _steps, "nested": _nested}


def main() -> None:
    """Write every model."""
    keras.utils.set_random_seed(3)
    for name, make in MODELS.items():
        model = _unsettled(make())
        losses = ["sparse_categorical_crossentropy", "mse"] if len(model.outputs) > 1 else "mse"
        metrics = [["accuracy"], ["mae"]] if len(model.outputs) > 1 else ["mae"]
        model.compile(keras.optimizers.Adam(0.003), losses, metrics)
        x = np.random.default_rng(2).normal(size=(3, *model.input_shape[1:])).astype("f4")
        y = model.predict(x, verbose=0)
        y = y if isinstance(y, list) else [y]
        np.savez(FOLDER / f"{name}.npz", x=x, **{f"y{number}": one for number, one in enumerate(y)})
        model.save(FOLDER / f"{name}.h5", include_optimizer=name == "nested")
        model.save(FOLDER / f"{name}.keras")
        model.save_weights(FOLDER / f"{name}.weights.h5")


if __name__ == "__main__":
    main()

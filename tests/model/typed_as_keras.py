"""A script as people type Keras. The tests run it as it stands with Keras, and with `fittool` for `keras` and its file names."""

import keras
import numpy as np
from keras import Input, Sequential, layers, regularizers
from keras.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from keras.models import Model, load_model
from keras.optimizers import SGD, Adam
from keras.optimizers.schedules import ExponentialDecay
from keras.utils import to_categorical

keras.utils.set_random_seed(42)
digits = np.random.rand(120, 8, 8, 1).astype("float32")
labels = (digits.mean(axis=(1, 2, 3)) * 60).astype("int64") % 3
x_train, x_test, y_train, y_test = digits[:90], digits[90:], labels[:90], labels[90:]

# A convolutional classifier, layer by layer.
model = Sequential()
model.add(layers.Conv2D(4, kernel_size=(3, 3), activation="relu", input_shape=(8, 8, 1)))
model.add(layers.BatchNormalization())
model.add(layers.MaxPooling2D(pool_size=(2, 2)))
model.add(layers.Flatten())
model.add(layers.Dropout(0.25))
model.add(layers.Dense(3, activation="softmax", name="answer"))
model.summary()
model.compile(loss="categorical_crossentropy", optimizer=Adam(learning_rate=0.01), metrics=["accuracy"])
stop = EarlyStopping(monitor="val_loss", patience=9, restore_best_weights=True)
best = ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True)
slower = ReduceLROnPlateau(factor=0.5, patience=2)
history = model.fit(
    x_train, to_categorical(y_train, 3), batch_size=16, epochs=4, validation_split=0.2, callbacks=[stop, best, slower], verbose=0
)
loss, accuracy = model.evaluate(x_test, to_categorical(y_test), verbose=0)
named = model.evaluate(x_test, to_categorical(y_test), verbose=0, return_dict=True)
probabilities = model.predict(x_test, verbose=0)
answers = np.argmax(probabilities, axis=-1)
restored = load_model("best.keras")

# Two inputs and two outputs, written as calls.
image, facts = Input(shape=(8, 8, 1), name="image"), Input(shape=(4,), name="facts")
x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(image))
x = layers.concatenate([x, layers.Dense(4, activation=keras.activations.relu, kernel_regularizer=regularizers.l2(1e-4))(facts)])
kind = layers.Dense(3, activation="softmax", name="kind")(x)
size = layers.Dense(1, name="size")(x)
double = Model(inputs=[image, facts], outputs=[kind, size], name="double")
double.compile(
    optimizer=SGD(ExponentialDecay(0.05, decay_steps=10, decay_rate=0.9), momentum=0.9),
    loss={"kind": "sparse_categorical_crossentropy", "size": "mse"}, loss_weights={"kind": 1.0, "size": 0.5},
    metrics={"kind": ["accuracy"], "size": ["mae"]},
)  # fmt: skip
table = np.random.rand(120, 4).astype("float32")
both = double.fit([digits, table], [labels, table[:, :1]], epochs=2, verbose=0)
results = double.evaluate([digits, table], [labels, table[:, :1]], verbose=0)

# Transfer: all but the last layer of the first model, frozen, below a new head; trained batch by batch.
trunk = Model(model.inputs, model.layers[-2].output)
for layer in trunk.layers:
    layer.trainable = False
head = Sequential([trunk, layers.Dense(3, activation="softmax")])
head.compile(
    "sgd", loss=keras.losses.SparseCategoricalCrossentropy(), metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")]
)
before = trunk.layers[1].get_weights()[0]
steps = [head.train_on_batch(x_train[i : i + 30], y_train[i : i + 30]) for i in range(0, 90, 30)]
head.save_weights("head.weights.h5")
head.load_weights("head.weights.h5")
late = Sequential([layers.Dense(5, activation="tanh"), layers.Dense(1)])
late.compile("rmsprop", "mae")
number = late.fit(table, table[:, 0], epochs=1, verbose=0) and late.test_on_batch(table, table[:, 0])

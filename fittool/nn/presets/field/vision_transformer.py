"""Vision transformers of several sizes."""

from __future__ import annotations

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers import (
    Add,
    ClassToken,
    Conv2D,
    Cropping1D,
    Dense,
    Flatten,
    Layer,
    LayerNormalization,
    MultiHeadAttention,
    PositionEmbedding,
    Reshape,
)
from fittool.nn.presets.base import Rate, Size, dropout
from fittool.nn.presets.field.base import FieldNetwork
from fittool.settings import Field, Pair, arguments, setting

_EPSILON = 1e-6


@arguments
class VisionTransformer(FieldNetwork):
    """The common part: patches as tokens, blocks of attention and two fully connected layers (Dosovitskiy et al. 2020)."""

    input_size: Pair = Field(
        default=(224, 224), description="Height and width of the images, which the positions are learnt for."
    )
    patch_size: Size = Field(default=16, description="Height and width of a patch; both sides of the images are multiples of it.")
    width: Size = Field(default=768, description="Length of the vector of each token.")
    depth: Size = Field(default=12, description="Number of blocks.")
    heads: Size = Field(default=12, description="Heads of each attention; a divisor of the width.")
    mlp: Size = Field(default=3072, description="Units between the two fully connected layers of a block.")
    dropout: Rate = Field(default=0.0, description="Dropout behind attention and each fully connected layer of a block.")

    @model_validator(mode="after")
    def _sizes_divide(self) -> VisionTransformer:
        if self.width % self.heads:
            raise PydanticCustomError("heads", "heads must be a divisor of width")
        if any(side % self.patch_size for side in self.input_size):
            raise PydanticCustomError("patch_size", "both sides of input_size must be multiples of patch_size")
        return self

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Preprocessing, patches, the class token and positions, the blocks, and the class token's output."""
        rows, columns = (side // self.patch_size for side in self.input_size)
        patch = (self.patch_size, self.patch_size)
        layers: list[Layer] = [
            self.preprocessing(),
            Conv2D(self.width, patch, patch, name="patches"),
            Reshape((rows * columns, self.width), name="tokens"),
            ClassToken(name="class_token"),
            PositionEmbedding(name="positions"),
        ]
        for block in range(1, self.depth + 1):
            layers += self._block(f"block{block}", str(layers[-1].name))
        layers.append(LayerNormalization(epsilon=_EPSILON, name="norm"))
        layers += [Cropping1D((0, rows * columns), name="class_output"), Flatten(name="flatten"), self.head(units, activation)]
        return layers

    def _block(self, name: str, source: str) -> list[Layer]:
        layers: list[Layer] = [
            LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm1"),
            MultiHeadAttention(self.heads, self.width // self.heads, name=f"{name}_attention"),
            *dropout(self.dropout, f"{name}_dropout1"),
        ]
        layers.append(Add(name=f"{name}_add1", inputs=(source, str(layers[-1].name))))
        layers += [
            LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm2"),
            Dense(self.mlp, "gelu", name=f"{name}_dense1"),
            *dropout(self.dropout, f"{name}_dropout2"),
            Dense(self.width, name=f"{name}_dense2"),
            *dropout(self.dropout, f"{name}_dropout3"),
        ]
        return [*layers, Add(name=f"{name}_add2", inputs=(f"{name}_add1", str(layers[-1].name)))]


@setting
class ViTB16(VisionTransformer):
    """The vision transformer ViT-B/16 (Dosovitskiy et al. 2020)."""

    @classmethod
    def public_name(cls) -> str:
        """`vit_b_16`."""
        return "vit_b_16"


@setting
class ViTS16(VisionTransformer):
    """The small vision transformer ViT-S/16 (Touvron et al. 2021)."""

    width: Size = Field(default=384, description="Length of the vector of each token.")
    heads: Size = Field(default=6, description="Heads of each attention; a divisor of the width.")
    mlp: Size = Field(default=1536, description="Units between the two fully connected layers of a block.")

    @classmethod
    def public_name(cls) -> str:
        """`vit_s_16`."""
        return "vit_s_16"


@setting
class ViTTi16(VisionTransformer):
    """The tiny vision transformer ViT-Ti/16 (Touvron et al. 2021)."""

    width: Size = Field(default=192, description="Length of the vector of each token.")
    heads: Size = Field(default=3, description="Heads of each attention; a divisor of the width.")
    mlp: Size = Field(default=768, description="Units between the two fully connected layers of a block.")

    @classmethod
    def public_name(cls) -> str:
        """`vit_ti_16`."""
        return "vit_ti_16"

"""The source `python`: batches that a function of the user's makes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fittool.data.sources.base import Source, SourceContext
from fittool.settings import NAMES_CODE, Field, Integer, Text, setting

if TYPE_CHECKING:
    from fittool.data.user_code.generator_data import GeneratorData


@setting
class PythonSource(Source):
    """Batches from a function in a file beside the experiment, which is loaded by its path."""

    function: Annotated[Text, NAMES_CODE] = Field(
        description="module:function; the module is a file beside the experiment. The function is called once a pass and gives "
        "batches (inputs, targets) or (inputs, targets, sample_weights)."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Arguments of the function.")
    samples: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Samples in a pass, where the function cannot tell."
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "python"

    def open(self, context: SourceContext) -> GeneratorData:
        """Load the function; it is not called yet.

        Raises:
            ExperimentError: The file or function is not there, or does not take the arguments.
            UserCodeError: The file cannot be run.
        """
        from fittool.data.user_code.functions import check_arguments, load_function
        from fittool.data.user_code.generator_data import GeneratorData

        function = load_function(self.function, context.base_directory)
        name = self.function.rpartition("/")[2]
        check_arguments(function, self.arguments, name)
        call = partial(function, **self.arguments)
        return GeneratorData(call, name, self.samples, context.class_mode, timeout=context.timeout)

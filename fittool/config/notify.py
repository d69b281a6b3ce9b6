"""Who is told of the end of a training."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from fittool.callbacks.remote_monitor import web_address
from fittool.settings import Field, Text, setting


@setting
class Notify:
    """A web address that gets a summary when a training has ended, well or not."""

    url: Annotated[Text, AfterValidator(web_address)] = Field(
        kw_only=True, description="Address that the summary is posted to as JSON; what fails there is a warning."
    )
    headers: dict[str, str] | None = Field(default=None, description="Further HTTP headers.")

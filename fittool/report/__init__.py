"""Pictures and pages for people: contact sheets, the live page of a run, and the pages of finished ones.

`contact_sheet` shows originals beside changed versions, `live_page` (with `live_page.html`) is a callback that rewrites a
page while the run goes on, `pages` has the pages of `report` and `compare`. `model`, `experiment` and `cli` may enter. It draws
what it is handed, and knows neither an engine nor the experiment file.
"""

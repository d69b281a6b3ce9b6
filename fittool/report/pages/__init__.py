"""Self-contained HTML pages: no script, nothing from elsewhere, readable in light and dark, on a phone and on paper.

`page` fills templates (the .html files here) and has the style that pages share, `charts` draws curves as SVG in the page's own
colours, `drawings` what is no curve, `pictures` images, `ticks` chooses round numbers for axes. A page is handed plain data.
"""

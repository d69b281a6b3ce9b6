"""Figures of predictions held against the truth: functions of arrays alone, in float64, whatever made the predictions.

`classification` counts classes, `ranking` orders scores, `calibration` asks whether probabilities come true, `regression`
measures numbers, `thresholds` chooses where a probability becomes a yes, and `bootstrap` says how far a figure may be off.
`experiment`, `report` and `cli` may enter. Names and definitions are scikit-learn's; the tests hold them against it.
"""

"""Sections of the experiment file that most experiments do without: who is told, what is pretrained, what is varied.

`config` itself enters, and those who act on such a section. They know the settings' base, and forms of fields in `sections`.
"""

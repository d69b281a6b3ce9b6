"""The memory of a device.

`device_memory` asks how much there is and says what to do where it is too little, `estimate` counts what a training needs before
it begins. The engine and `engines/registry.py` enter.
"""

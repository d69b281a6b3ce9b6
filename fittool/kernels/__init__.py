"""Our own kernels for the NumPy engine, in C++: the sources, what compiles them, and the one checked way to call them.

NumPy stays the reference, and computes what has no kernel or where there is no library. Here is nothing of networks; which
operation calls which kernel is the engine's affair (its folder `native`).

- `source/`: each kernel beside its formula and the order of its sums
- `compiling.py`: makes the libraries, one for each instruction set; used at `pip install` (`build_hook.py`) and by `wheels.py`
- `library.py`: finds the library for this processor and opens it
- `signatures.py`: the arrays and integers of each kernel
- `tasks.py`: checks them and lays out a call
- `arithmetic.py`: the functions, sums and products of all other formulas, by NumPy or by whatever is in force in a thread
- `native_arithmetic.py`: the same by kernels
"""

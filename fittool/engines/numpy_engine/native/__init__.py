"""Operations that call our own kernels (`fittool/kernels/`) in place of NumPy, and the plan that is rewritten to use them.

Each stands in for one operation of `operations/`, takes the same arrays and cuts the batch the same way. What has no kernel
stays as it is.
"""

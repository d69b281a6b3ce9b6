from __future__ import annotations

import numpy as np

from fittool.results.ranking import macro_auc, roc_auc


def test_by_hand():
    truth = np.array([False, False, True, True])
    assert roc_auc(truth, np.array([0.1, 0.2, 0.3, 0.4])) == 1
    assert roc_auc(truth, np.array([0.4, 0.3, 0.2, 0.1])) == 0
    assert roc_auc(truth, np.array([0.1, 0.3, 0.2, 0.4])) == 0.75
    assert roc_auc(truth, np.full(4, 0.5)) == 0.5


def test_one_kind_alone_has_no_area():
    assert roc_auc(np.ones(3, bool), np.arange(3.0)) is None
    assert macro_auc(np.array([0, 1]), np.eye(3)[:2]) is None

from __future__ import annotations

AUGMENTED = ("train:\n", "augmentation: {rotation_range: 90}\ntrain:\n  mode: fit_generator\n")


def test_evaluate_and_predict_average_views(fittool, write, folder) -> None:
    run = fittool("train", write(AUGMENTED)).run.path
    for command in (["evaluate", run], ["predict", run, "small.npz"]):
        plain, averaged, again = fittool(*command), fittool(*command, "--tta", 4), fittool(*command, "--tta", 4)
        assert (averaged.code, "warning" in averaged.err) == (0, False)
        assert averaged.out == again.out != plain.out


def test_one_view_is_the_plain_image(fittool, write) -> None:
    run = fittool("train", write(AUGMENTED)).run.path
    assert fittool("evaluate", run, "--tta", 1).out == fittool("evaluate", run).out


def test_a_run_without_augmentation_has_no_views(fittool, small) -> None:
    done = fittool("evaluate", fittool("train", small).run.path, "--tta", 4)
    assert done.code == 2
    assert "this run has none that changes images at random. Leave --tta out." in done.err

from __future__ import annotations

import pytest

from fittool.runs.environment import git_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def git(tmp_path):
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return tmp_path / ".git"


def test_a_branch_is_followed_from_a_folder_below(git, tmp_path):
    (git / "refs/heads/main").write_text(f"{COMMIT}\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert git_commit(tmp_path / "a" / "b") == COMMIT


def test_a_detached_head_is_the_commit(git, tmp_path):
    (git / "HEAD").write_text(f"{COMMIT}\n")
    assert git_commit(tmp_path) == COMMIT


def test_a_packed_branch_is_found(git, tmp_path):
    (git / "packed-refs").write_text(f"# pack-refs\n{'f' * 40} refs/heads/other/refs/heads/main2\n{COMMIT} refs/heads/main\n")
    assert git_commit(tmp_path) == COMMIT


def test_a_linked_work_tree_is_followed(git, tmp_path):
    tree = git / "worktrees" / "side"
    tree.mkdir(parents=True)
    (tree / "HEAD").write_text("ref: refs/heads/side\n")
    (tree / "commondir").write_text("../..\n")
    (git / "refs/heads/side").write_text(COMMIT)
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / ".git").write_text(f"gitdir: {tree}\n")
    assert git_commit(tmp_path / "side") == COMMIT


@pytest.mark.parametrize("head", ["ref: refs/heads/empty", "nonsense", "\udcff"])
def test_a_repository_without_a_readable_commit_has_none(head, git, tmp_path):
    (git / "HEAD").write_bytes(head.encode("utf-8", "surrogateescape"))
    assert git_commit(tmp_path) is None


def test_a_packed_file_without_the_branch_has_none(git, tmp_path):
    (git / "packed-refs").write_text("# pack-refs\n")
    assert git_commit(tmp_path) is None


def test_a_folder_outside_of_any_repository_has_none(tmp_path):
    assert git_commit(tmp_path) is None

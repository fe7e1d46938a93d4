"""Every command of README.md, typed in order, answers what the README prints."""

from conftest import TOP
from pages import agrees, blocks, masked, type_page


def test_the_readme_tells_the_truth(binary, tmp_path):
    (tmp_path / "public").symlink_to(TOP / "public")
    (tmp_path / "examples").symlink_to(TOP / "examples")
    assert type_page((TOP / "README.md").read_text(), binary, tmp_path) >= 10


def test_answers_are_compared():
    assert agrees(["a", "b", "c"], ["a", "…", "c"])
    assert not agrees(["a", "b", "c"], ["a", "…", "d"])
    assert not agrees(["a", "b"], ["a"])
    assert masked('"id": "01JF", "rows": 3') == masked('"id": "01JG", "rows": 3')
    assert masked('"rows": 3') != masked('"rows": 4')


def test_blocks_are_found():
    page = "```sh\necho a\n```\n\n```text\na\n```\n<!-- skip: why -->\n```sh\necho b\n```\n"
    assert list(blocks(page)) == [("", "echo a\n", "a\n"), ("skip: why", "echo b\n", None)]

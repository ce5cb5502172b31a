"""The README's part for Python runs as it stands."""

import pathlib

import pytest

README = pathlib.Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(not README.exists(), reason="only a checkout has the README")
def test_every_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = README.read_text().split("```python\n")[1:]
    assert blocks
    for block in blocks:
        exec(compile(block.split("```")[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == "0 1\n"
    assert (tmp_path / "app.vault").exists()

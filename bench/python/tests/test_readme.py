"""The example of the README works by copy and paste."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import offcut

README = Path(__file__).parent.parent / "README.md"


def test_the_example(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    ran = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "mine" in ran.stdout and "runs/example/report/report.html" in ran.stdout
    assert ">mine<" in (tmp_path / "runs" / "example" / "report" / "report.html").read_text()


def test_all_public_names_are_documented() -> None:
    for name in offcut.__all__:
        assert getattr(offcut, name).__doc__, name

"""[board-postgres] speaks PostgreSQL: a server that is not there is a problem in words, not a missing package."""

from pathlib import Path

from support import nvfair, small_cohort

nvfair("board", "admin", "init", "board", "--dataset", small_cohort())
settings = Path("board/board.yaml")
text = settings.read_text()
changed = text.replace("sqlite:///board.sqlite", "postgresql://board:x@127.0.0.1:9/board")
assert changed != text
settings.write_text(changed)
answer = nvfair("board", "admin", "upgrade", "--board", "board", status=1)
assert "127.0.0.1" in answer, answer
assert "pip install" not in answer, answer
assert "Traceback" not in answer, answer

"""Every command of a board names it in one way, and none makes an empty board by mistake."""

from pathlib import Path

from nvfair_tools.cli import run


def test_no_board_in_this_folder_is_an_error_and_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in (["board", "export", "site"], ["board", "add", "."], ["board", "admin", "token", "list"]):
        assert run(words) == 1
        assert "no board.yaml here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_board_in_place_of_the_output_is_wrong_usage_with_the_right_command(places, capsys):
    before = sorted(Path(places["board"]).iterdir())
    assert run(["board", "export", str(places["board"])]) == 2
    assert f"nvfair board export --board {places['board']}" in capsys.readouterr().err
    assert sorted(Path(places["board"]).iterdir()) == before


def test_the_pages_go_to_the_board_or_where_they_are_told_to(places, tmp_path, capsys):
    board = places["board"]
    assert run(["board", "export", "--board", str(board)]) == 0
    assert (board / "site" / "index.html").is_file()
    assert run(["board", "export", str(tmp_path / "pages"), "--board", str(board / "board.yaml")]) == 0
    assert (tmp_path / "pages" / "index.html").is_file()
    assert run(["board", "export", "--out", str(tmp_path / "again"), "--board", str(board)]) == 0
    assert "holds no result yet" in capsys.readouterr().err


def test_a_database_without_a_board_still_works_with_a_hint(tmp_path, capsys):
    store = f"sqlite:///{tmp_path / 'x.sqlite'}"
    assert run(["board", "export", str(tmp_path / "pages"), "--store", store]) == 0
    assert "hint: --board FOLDER" in capsys.readouterr().err
    assert (tmp_path / "pages" / "index.html").is_file()

"""A report on a narrow terminal: nothing of it is cut."""

from rich.console import Console

from bullpen.orchestrator.cli.research import ReportText


def test_a_path_that_is_wider_than_its_cell_folds() -> None:
    path = "/a/long/way/" * 10 + "minutes.md"
    screen = Console(width=80)
    with screen.capture() as shown:
        screen.print(ReportText(f"| document | file |\n| --- | --- |\n| Minutes of the council | {path} |"))

    assert "…" not in shown.get()
    cells = "".join(line.split()[-1] for line in shown.get().splitlines() if "/" in line or line.strip().endswith("md"))
    assert path in cells
    assert max(map(len, shown.get().splitlines())) <= 80

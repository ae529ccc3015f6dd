"""What a question asks and a report does not answer, in sentences for people. Pure."""

from ...orchestrator.evidence import Report
from ...orchestrator.rules.plainly import limits


def open_points(report: Report) -> list[str]:
    """What the question asks and the report does not answer, as sentences.

    A draft with a layout says so itself; else it is told from the limits that tasks came to, and from the words of the
    question that nothing contains.
    """
    points = list(report.not_answered)
    if report.layout is None or not report.claims:
        points += limits(report.gaps)
    if report.layout is None and report.claims and report.uncovered:
        points.append(f"Nothing above says anything of: {', '.join(report.uncovered)}.")
    return list(dict.fromkeys(points))

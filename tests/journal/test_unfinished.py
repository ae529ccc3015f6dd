"""A run is interrupted exactly where its last event is not its terminal one, whatever its events say."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bullpen.orchestrator.journal.events import FINISHED, Entry
from bullpen.orchestrator.journal.lines import is_over
from bullpen.orchestrator.journal.reader import list_unfinished

from .making import ASKED, LONG, committed, ended, events_of

#: What events may say: among it what a terminal event looks like.
TEXTS = st.sampled_from(
    ["", "job.finished", f'"kind":"{FINISHED}"', f'{{"seq":2,"kind":"{FINISHED}"}}\n\n{{"closed":2}}\n\n']
)
BODIES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers(0, 9),
    lambda inner: st.dictionaries(st.sampled_from(["kind", "seq", "closed"]), inner),
    max_leaves=6,
)
NOTES = st.lists(st.builds(lambda body: Entry("worker.noted", body), BODIES) | st.just(LONG), max_size=4)


@given(NOTES, st.booleans(), st.booleans())
@example([Entry("worker.noted", {"kind": FINISHED})], False, False)
def test_a_run_is_unfinished_whatever_its_notes_say(notes: list[Entry], has_ended: bool, closed: bool) -> None:
    entries = [ASKED, *notes, *([ended("job")] if has_ended else [])]
    with TemporaryDirectory() as folder:
        Path(folder, "job.run").write_bytes(committed(events_of("job", *entries), closed=closed))
        left = [run.id for run in list_unfinished(Path(folder), 9)]

    assert left == ([] if has_ended else ["job"])


@given(NOTES, st.data())
def test_wherever_it_was_cut_off_the_end_of_a_run_is_believed_only_where_the_whole_says_so(
    notes: list[Entry], data: st.DataObject
) -> None:
    content = committed(events_of("job", ASKED, *notes, ended("job")))
    at = data.draw(st.sampled_from([len(content), len(content) - 1]) | st.integers(0, len(content)))
    start = data.draw(st.integers(0, at))

    assert not is_over(content[start:at]) or at == len(content)
    assert is_over(content)

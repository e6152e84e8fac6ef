"""Job files: every complaint with its place, and what a good one means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sfprm.daemon.jobfiles import IfLate, JobFile, in_words, load_job_files, pace
from sfprm.errors import BadFiles, Complaint

Load = Callable[..., tuple[JobFile, ...]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads job files from texts, by file name."""

    def loaded(**texts: str | bytes) -> tuple[JobFile, ...]:
        for name, text in texts.items():
            content = text if isinstance(text, bytes) else text.encode()
            (tmp_path / f"{name}.yaml").write_bytes(content)
        return load_job_files(tmp_path)

    return loaded


def complaints(load: Load, **texts: str | bytes) -> tuple[Complaint, ...]:
    """What is wrong with them."""
    with pytest.raises(BadFiles) as refused:
        load(**texts)
    return refused.value.complaints


# text, line:column, words of the message, words of the hint
MISTAKES = [
    ("job: rout\nevery: 1 hour\n", "1:6", "no job is named 'rout'. Did you mean 'route'?", ""),
    ("every: 1 hour\n", "1", "the key 'job' is missing", ""),
    ("job: route\nevry: 1 hour\n", "2:1", "unknown key 'evry'", "Did you mean 'every'?"),
    ("job: route\n", "1", "exactly one of `every` and `cron`", ""),
    ("job: route\nevery: 1 hour\ncron: '* * * * *'\n", "1", "exactly one of", ""),
    ("job: route\nevery: often\n", "2:8", "'often' is no pace", ""),
    ("job: route\nevery: 0 minutes\n", "2:8", "'0 minutes' is no pace", ""),
    ("job: route\nevery: 5\n", "2:8", "every:", ""),
    ("job: route\ncron: '61 * * * *'\n", "2:7", "not a crontab line", ""),
    ("job: route\ncron: '* * *'\n", "2:7", "not a crontab line", ""),
    ("job: route\ncron: '0 9 1 * MON'\n", "2:7", "not both", ""),
    ("job: route\ncron: '0 9 * * 8'\n", "2:7", "'8' is no weekday", ""),
    ("job: route\ncron: '0 9 * * MON-'\n", "2:7", "'MON-' is no weekday", ""),
    ("job: route\ncron: '* * * * *'\ntime_zone: Europe/Lisbonn\n", "3:12", "Europe/Lisbon'?", ""),
    ("job: route\nevery: 1 hour\nif_late: maybe\n", "3:10", "if_late:", ""),
    ("job: route\nevery: 1 hour\noptions: {limt: 5}\n", "3:11", "unknown key 'limt'", "'limit'"),
    ("job: route\nevery: 1 hour\noptions: {limit: 0}\n", "3:18", "limit:", ""),
    ("job: route\nevery: 1 hour\noptions: {limit: many}\n", "3:18", "limit:", ""),
    ("job: provision\nevery: 1 hour\noptions:\n  max_changes: -1\n", "4:16", "max_changes:", ""),
    ("job: route\nevery: 1 hour\noptions: 7\n", "3:10", "options:", ""),
    ("job: route\njob: route\nevery: 1 hour\n", "2:1", "twice", ""),
    ("job: [route\n", "", "", ""),
    ("- job: route\n", "1", "", ""),
    ("", "", "empty", ""),
    (b"job: route # \xe9\n", "1", "UTF-8", ""),
]


@pytest.mark.parametrize(("text", "where", "says", "hint"), MISTAKES)
def test_each_mistake_has_its_place(
    load: Load, tmp_path: Path, text: str | bytes, where: str, says: str, hint: str
) -> None:
    """File, line, column; what is wrong; what to write."""
    [first, *_] = complaints(load, night=text)
    assert first.where.startswith(f"{tmp_path}/night.yaml")
    assert where in first.where
    assert says in first.message + first.hint
    assert hint in first.hint


def test_all_files_are_read_before_the_answer(load: Load) -> None:
    """Mistakes in two files come in one answer."""
    found = complaints(load, a="job: rout\nevery: 1 hour\n", b="job: route\nevery: never\n")
    assert [Path(c.file).name for c in found] == ["a.yaml", "b.yaml"]


def test_two_files_of_one_name_are_refused(load: Load) -> None:
    """The names are those of runs."""
    text = "job: route\nname: night\nevery: 1 hour\n"
    [complaint] = complaints(load, a=text, b=text)
    assert "the name 'night' is also that of" in complaint.message


def test_an_empty_folder_says_how_to_start(tmp_path: Path) -> None:
    """And so does one that is not there."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadFiles, match="holds no job file"):
            load_job_files(folder)


def test_a_good_file(load: Load) -> None:
    """Everything that may be written."""
    text = (
        "job: route\nname: day\ndescription: the working day\ncron: '*/5 8-20 * * MON-FRI'\n"
        "time_zone: Europe/Lisbon\nif_late: skip\noptions: {limit: 50}\n"
    )
    [file] = load(a=text)
    assert (file.name, file.job.name, file.description) == ("day", "route", "the working day")
    assert file.schedule == "*/5 8-20 * * MON-FRI (Europe/Lisbon)"
    assert file.if_late is IfLate.SKIP
    assert file.options.model_dump() == {"dry_run": False, "limit": 50}


def test_the_shipped_files_are_good() -> None:
    """`jobs/` of the repository."""
    assert [f.name for f in load_job_files(ROOT / "jobs")] == ["provision", "route"]


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("30 seconds", 30, "30 seconds"),
        ("1 minute", 60, "1 minute"),
        ("90 seconds", 90, "90 seconds"),
        ("120 seconds", 120, "2 minutes"),
        ("24 Hours", 86400, "1 day"),
        (" 2 days ", 172800, "2 days"),
    ],
)
def test_a_pace_in_words(text: str, seconds: int, words: str) -> None:
    """Read, and said back in the largest whole unit."""
    assert pace(text) == timedelta(seconds=seconds)
    assert in_words(pace(text)) == words

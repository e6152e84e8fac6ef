"""Job files: every complaint with its place, and what a good one means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sfprm.daemon.channels import check_told, load_channels
from sfprm.daemon.jobfile_model import IfLate, Overlap, in_words, pace
from sfprm.daemon.jobfiles import JobFile, load_job_files
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
    (
        "job: rout\nevery: 1 hour\n",
        "1:6",
        "'job': no job is named 'rout'. Did you mean 'route'?",
        "",
    ),
    ("every: 1 hour\n", "1", "key 'job' is missing", ""),
    ("job: route\nevry: 1 hour\n", "2:1", "unknown key 'evry'", "Did you mean 'every'?"),
    ("job: route\n", "1", "exactly one of `every`, `cron`", ""),
    ("job: route\nevery: 1 hour\ncron: '* * * * *'\n", "1", "exactly one of", ""),
    ("job: route\nevery: often\n", "2:8", "'often' is no pace", ""),
    ("job: route\nevery: 0 minutes\n", "2:8", "'0 minutes' is no pace", ""),
    ("job: route\nevery: 5\n", "2:8", "'every':", ""),
    ("job: route\ncron: '61 * * * *'\n", "2:7", "not a crontab line", ""),
    ("job: route\ncron: '* * *'\n", "2:7", "not a crontab line", ""),
    ("job: route\ncron: '0 9 1 * MON'\n", "2:7", "not both", ""),
    ("job: route\ncron: '0 9 * * 8'\n", "2:7", "'8' is no weekday", ""),
    ("job: route\ncron: '0 9 * * MON-'\n", "2:7", "'MON-' is no weekday", ""),
    ("job: route\ncron: '* * * * *'\ntime_zone: Europe/Lisbonn\n", "3:12", "Europe/Lisbon'?", ""),
    ("job: route\nevery: 1 hour\nif_late: maybe\n", "3:10", "'if_late':", ""),
    ("job: route\nevery: 1 hour\noptions: {limt: 5}\n", "3:11", "unknown key 'limt'", "'limit'"),
    ("job: route\nevery: 1 hour\noptions: {limit: 0}\n", "3:18", "'limit':", ""),
    ("job: route\nevery: 1 hour\noptions: {limit: many}\n", "3:18", "'limit':", ""),
    ("job: provision\nevery: 1 hour\noptions:\n  max_changes: -1\n", "4:16", "'max_changes':", ""),
    ("job: route\nevery: 1 hour\noptions: 7\n", "3:10", "'options':", ""),
    ("job: route\njob: route\nevery: 1 hour\n", "2:1", "twice", ""),
    ("job: [route\n", "", "", ""),
    ("- job: route\n", "1", "", ""),
    ("", "", "empty", ""),
    (b"job: route # \xe9\n", "1", "UTF-8", ""),
    ("job: route\nevery: 1 hour\njitter: some\n", "3:9", "'some' is no pace", ""),
    ("job: route\nevery: 1 hour\noverlap: maybe\n", "3:10", "overlap", ""),
    ("job: route\nevery: 1 hour\nlimits: {chnges: 5}\n", "3:10", "unknown key", "'changes'"),
    ("job: route\nevery: 1 hour\nlimits: {api_calls: 0}\n", "3:21", "at least 1", ""),
    ("job: route\nevery: 1 hour\nlimits: {changes: 0}\n", "3:19", "at least 1", ""),
    ("job: report\nevery: 1 hour\nlimits: {changes: 5}\n", "3:19", "no limit of changes", ""),
    ("job: route\nevery: 1 hour\nretries: {times: 99}\n", "3:18", "at most 20", ""),
    ("job: route\nevery: 1 hour\non_failure: shout\n", "3:13", "notify NAME", ""),
    ("job: route\nafter: rout\n", "2:8", "no job file is named 'rout'", ""),
    ("job: route\nafter: night\n", "2:8", "comes after itself", ""),
    ("job: route\ncalendar: {at: ['9:00']}\n", "2:17", "no time of day", ""),
    ("job: route\ncalendar: {at: ['09:00'], days: MO}\n", "2", "'MO' is no weekday", ""),
    ("job: route\ncalendar: {at: ['09:00'], holidays: XX}\n", "2", "no holidays are known", ""),
    ("job: route\ncalendar: {days: MON}\n", "2", "key 'at' is missing", ""),
    ("job: route\nevery: 1 hour\norg: emea\n", "3:6", "no org is named 'emea'", "emea.env"),
    ("job: route\nevery: 1 hour\nprogramme: nowhere\n", "3:12", "there is no folder", ""),
    ("job: no.such.module:f\nevery: 1 hour\n", "1:6", "No module named 'no'", "PYTHONPATH"),
    ("job: json:dumpz\nevery: 1 hour\n", "1:6", "json has no function 'dumpz'", ""),
    ("job: json:dumps\nevery: 1 hour\n", "1:6", "takes any arguments", ""),
]


@pytest.mark.parametrize(("text", "where", "says", "hint"), MISTAKES)
def test_each_mistake_has_its_place(
    load: Load, tmp_path: Path, text: str | bytes, where: str, says: str, hint: str
) -> None:
    """File, line, column; what is wrong; what to write."""
    found = complaints(load, night=text)
    assert all(c.where.startswith(f"{tmp_path}/night.yaml") for c in found)
    assert any(where in c.where and says in c.message + c.hint and hint in c.hint for c in found), (
        found
    )


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
        "time_zone: Europe/Lisbon\nif_late: skip\noverlap: queue\njitter: 20 seconds\n"
        "limits: {changes: 50, api_calls: 200, minutes: 0.5}\n"
        "retries: {times: 2, wait: 10 seconds}\non_failure: notify ops, night-shift\n"
        "options: {dry_run: true}\n"
    )
    [file] = load(a=text)
    assert (file.name, file.job.name, file.description) == ("day", "route", "the working day")
    assert file.schedule == "*/5 8-20 * * MON-FRI (Europe/Lisbon)"
    assert (file.if_late, file.overlap) == (IfLate.SKIP, Overlap.QUEUE)
    assert file.options.model_dump(exclude_unset=True) == {"dry_run": True, "limit": 50}
    assert (file.limits.api_calls, file.limits.seconds) == (200, 30.0)
    assert (file.retries, file.retry_wait) == (2, timedelta(seconds=10))
    assert (file.jitter, file.told) == (timedelta(seconds=20), ("ops", "night-shift"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("every: 90 seconds", "every 90 seconds"),
        ("cron: '0 9 * * *'", "0 9 * * * (UTC)"),
        ("calendar: {at: ['14:00', '09:00']}", "daily 09:00, 14:00 (UTC)"),
        (
            "calendar: {at: ['09:00'], days: MON-FRI, holidays: PT}\ntime_zone: Europe/Lisbon",
            "MON-FRI 09:00, not on holidays of PT (Europe/Lisbon)",
        ),
        ("after: b", "after b"),
        ("on_change: ../config/*.csv", "when *.csv changes"),
    ],
)
def test_each_schedule_in_words(load: Load, text: str, words: str) -> None:
    """As `sfprm jobs list` shows it."""
    files = load(a=f"job: route\n{text}\n", b="job: route\nevery: 1 hour\n")
    assert files[0].schedule == words


def test_a_function_of_ones_own(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its options are checked by its own annotations; it says whether it writes."""
    (tmp_path / "our_channel.py").write_text(
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from sfprm.jobs.frame import JobContext\n"
        "def nightly(context: JobContext, *, region: str, top: int = 3):\n"
        "    return {'top': top}\n"
        "nightly.writes = False\n"
        "def odd(context, *, at: Missing):\n    return\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    good = "job: our_channel:nightly\nevery: 1 day\noptions: {region: north}\n"
    [file] = load(a=good)
    assert (file.job.name, file.job.writes) == ("our_channel:nightly", False)
    assert file.options.model_dump() == {"region": "north", "top": 3}
    bad = "job: our_channel:nightly\nevery: 1 day\noptions: {region: n, top: many}\n"
    [complaint] = complaints(load, a=bad)
    assert complaint.line == 3
    [complaint] = complaints(load, a="job: our_channel:nightly\nevery: 1 day\n")
    assert "needs the option 'region'" in complaint.message
    [complaint] = complaints(load, a="job: our_channel:odd\nevery: 1 day\n")
    assert "the type of an option is not known" in complaint.message


def test_two_files_in_a_circle_are_refused(load: Load) -> None:
    """Each after the other."""
    found = complaints(load, a="job: route\nafter: b\n", b="job: route\nafter: a\n")
    assert all("comes after itself" in c.message for c in found)


def test_the_shipped_files_are_good() -> None:
    """`jobs/` of the repository: each says why it is there, and whom it tells is known."""
    files = load_job_files(ROOT / "jobs")
    assert {"provision", "route", "recall", "backup"} <= {f.name for f in files}
    assert all(f.description for f in files)
    check_told(files, load_channels(ROOT / "jobs"))


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

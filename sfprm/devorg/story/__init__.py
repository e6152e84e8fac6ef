"""The seeded orgs (`demo`, `empty`, `partners-ready`) and the things that people do in them."""

from __future__ import annotations

from sfprm.devorg.story.crowd import load_leads
from sfprm.devorg.story.happenings import event
from sfprm.devorg.story.seeding import STORIES, seed

__all__ = ["STORIES", "event", "load_leads", "seed"]

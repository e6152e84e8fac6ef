"""Sites and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.programme.model import PartnerSite, Presence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.programme.model import Person
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.yaml_text import Tree

__all__ = ["build_sites"]


def build_sites(
    file: ProgrammeFile, tree: Tree, people: Iterable[Person]
) -> dict[str, PartnerSite]:
    """Sites by name, the programme's own first, with the profiles that its people have."""
    used = [p.profile for p in people if p.state is not Presence.ABSENT]
    own = file.sites.get(file.site)
    profiles = [file.profile, *(own.profiles if own else ()), *used]
    place = tree.key("sites", file.site) if own else tree.key("site")
    sites = {
        file.site: PartnerSite(
            file.site,
            place.origin,
            tuple(dict.fromkeys(profiles)),
            tuple(dict.fromkeys(own.permission_sets)) if own else (),
        )
    }
    for name, site in file.sites.items():
        if name != file.site:
            sites[name] = PartnerSite(
                name,
                tree.key("sites", name).origin,
                tuple(dict.fromkeys(site.profiles)),
                tuple(dict.fromkeys(site.permission_sets)),
            )
    return sites

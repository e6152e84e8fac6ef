"""E-mail folders, and the templates in them: rows of EmailTemplate.

A template is two files: `email/<Folder>/<Name>.email`, its text (its HTML, for the types html and
custom), and `….email-meta.xml` beside it [D]. `unfiled$public` is the folder of those that have
none. Visualforce, letterheads and attachments are not imitated. No mail is made from a template
unless a behaviour says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfprm.devorg.metadata.component import (
    Change,
    Component,
    Context,
    Listed,
    Refused,
    SourceFile,
    refuse_unknown,
)
from sfprm.devorg.metadata.markup import Node, element, render
from sfprm.devorg.metadata.types.folders import FolderType
from sfprm.devorg.stamps import read_stamp

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["EmailTemplates"]

_UNFILED = "unfiled$public"
_TYPES = ("text", "html", "custom")
_FIELDS = (
    "apiVersion",
    "available",
    "description",
    "encodingKey",
    "fullName",
    "name",
    "style",
    "subject",
    "textOnly",
    "type",
    "uiType",
)
_OTHERS = ("attachedDocuments", "attachments", "letterhead", "packageVersions",
           "relatedEntityType")  # fmt: skip
_END = ".email-meta.xml"


class EmailTemplates(FolderType):
    """`email/<Folder>-meta.xml` and `email/<Folder>/<Name>.email` with its `-meta.xml`."""

    def components(self, file: SourceFile) -> Iterable[Component]:
        """The folder or the template that a `-meta.xml` file describes."""
        if file.root.tag != "EmailTemplate":
            yield from super().components(file)
            return
        name = file.path.removeprefix(self.directory + "/").removesuffix(_END)
        if not file.path.endswith(_END) or name.count("/") != 1:
            raise Refused("An EmailTemplate lies in a folder, in a file ending in .email-meta.xml")
        named = (("EmailTemplate", name),)
        yield Component("EmailTemplate", name, file.path, file.root, named, body=file.body)

    def deploy(self, context: Context, component: Component) -> Change:
        """Make or change the folder or the template."""
        if component.type != "EmailTemplate":
            return super().deploy(context, component)
        org = context.org
        folder, _, name = component.full_name.partition("/")
        values = {**_values(component), **_place(org, component, folder)}
        row = _row(org, folder, name)
        if row is None:
            new = {"DeveloperName": name, **values, "OwnerId": context.user_id, **context.birth()}
            [template_id] = org.plant("EmailTemplate", [new])
            return Change(created=True, changed=True, id=template_id)
        changed = {key: value for key, value in values.items() if row[key] != value}
        template_id = str(row["Id"])
        if changed:
            org.storage.update("EmailTemplate", template_id, {**changed, **context.stamps()})
        return Change(created=False, changed=bool(changed), id=template_id)

    def delete(self, context: Context, type_: str, full_name: str) -> bool:
        """Remove a template, or a folder that holds none."""
        folder, _, name = full_name.partition("/")
        storage = context.org.storage
        if not name:
            if any(one.full_name.startswith(f"{folder}/") for one in _listed(context.org)):
                raise Refused(f"The folder {folder} is not empty")
            return super().delete(context, type_, full_name)
        row = _row(context.org, folder, name)
        return row is not None and storage.delete("EmailTemplate", str(row["Id"]))

    def listed(self, org: Org, type_: str) -> Sequence[Listed]:
        """The folders, or the templates of all of them."""
        return super().listed(org, type_) if type_ == self.folder else _listed(org)

    def retrieve(self, org: Org, type_: str, members: Sequence[str]) -> Mapping[str, bytes]:
        """Folders, and templates with their texts. `*` gives none: it is not taken here [D]."""
        files = dict(super().retrieve(org, type_, members))
        for member in members:
            folder, _, name = member.partition("/")
            row = _row(org, folder, name) if name else None
            if row is not None:
                path = f"{self.directory}/{member}.email"
                html = row["TemplateType"] != "text"
                files[path] = str(row["HtmlValue" if html else "Body"] or "").encode()
                files[path + self.suffix] = render(_node(row, html))
        return files


def _values(component: Component) -> dict[str, Any]:
    node = component.node
    for child in node.children:
        if child.tag in _OTHERS:
            raise Refused(f"{child.tag} of an e-mail template are not imitated by this org", child)
    refuse_unknown(node, _FIELDS, "EmailTemplate")
    for tag in ("name", "type"):
        if not node.value(tag):
            raise Refused(f"Required field is missing: {tag}", node)
    kind = node.value("type")
    if kind not in _TYPES:
        raise Refused(f"E-mail templates of type {kind} are not imitated", node.find("type"))
    try:
        text = component.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("The template's text is not UTF-8", node) from error
    return {
        "Name": node.value("name"),
        "IsActive": node.flag("available"),
        "Description": node.value("description") or None,
        "Encoding": node.value("encodingKey") or "UTF-8",
        "Subject": node.value("subject") or None,
        "TemplateStyle": node.value("style") or "none",
        "TemplateType": kind,
        "UiType": node.value("uiType") or "Aloha",
        "Body": (text if kind == "text" else node.value("textOnly")) or None,
        "HtmlValue": None if kind == "text" else text or None,
    }


def _place(org: Org, component: Component, folder: str) -> dict[str, Any]:
    if folder == _UNFILED:
        return {"FolderId": org.organization["Id"], "FolderName": _UNFILED}
    rows = org.storage.find("Folder", DeveloperName=folder, Type="Email")
    if not rows:
        raise Refused(f"Cannot find folder: {folder}", component.node)
    return {"FolderId": rows[0]["Id"], "FolderName": rows[0]["Name"]}


def _folders(org: Org) -> dict[str, str]:
    """Developer name by folder id."""
    rows = org.storage.find("Folder", Type="Email")
    found = {str(row["Id"]): str(row["DeveloperName"]) for row in rows}
    return {**found, str(org.organization["Id"]): _UNFILED}


def _row(org: Org, folder: str, name: str) -> dict[str, Any] | None:
    names = _folders(org)
    rows = org.storage.find("EmailTemplate", DeveloperName=name)
    return next((row for row in rows if names.get(str(row["FolderId"])) == folder), None)


def _listed(org: Org) -> list[Listed]:
    names = _folders(org)
    found = [
        Listed(
            "EmailTemplate",
            name,
            f"email/{name}.email",
            str(row["Id"]),
            read_stamp(str(row["CreatedDate"])),
            read_stamp(str(row["LastModifiedDate"])),
            str(row["LastModifiedById"] or ""),
        )
        for row in org.storage.find("EmailTemplate")
        for name in [f"{names.get(str(row['FolderId']), _UNFILED)}/{row['DeveloperName']}"]
    ]
    return sorted(found, key=lambda one: one.full_name)


def _node(row: Mapping[str, Any], html: bool) -> Node:
    return element(
        "EmailTemplate",
        ("available", bool(row["IsActive"])),
        ("description", row["Description"]),
        ("encodingKey", row["Encoding"]),
        ("name", row["Name"]),
        ("style", row["TemplateStyle"]),
        ("subject", row["Subject"]),
        ("textOnly", row["Body"] if html else None),
        ("type", row["TemplateType"]),
        ("uiType", row["UiType"]),
    )

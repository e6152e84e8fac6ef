"""Describe: all objects, one object in short, one object in full. Keys as recorded [R]; what the
schema does not know (layouts, help texts) has the value seen most."""

from __future__ import annotations

from typing import Any

from sfprm.devorg.api.conditional import conditional
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.records import readable, render, seen
from sfprm.devorg.api.writing import find_object
from sfprm.devorg.schema import FieldDef, ObjectDef

__all__ = ["basic", "describe", "global_describe"]

MASTER = "012000000000000AAA"
_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
    "location": "urn:location",
    "base64": "xsd:base64Binary",
    "anyType": "xsd:anyType",
}


def global_describe(request: Request) -> Answer:
    """GET /sobjects."""
    org, access = request.org, request.access
    return conditional(
        request,
        "",
        {
            "encoding": "UTF-8",
            "maxBatchSize": 200,
            "sobjects": [
                _object(request, one)
                for one in org.schema.objects()
                if org.has_object(one) and access.object_visible(one.name)
            ],
        },
    )


def basic(request: Request, object: str) -> Answer:
    """GET /sobjects/X: the object in short, and records of late."""
    definition = find_object(request, object)
    order = '"LastModifiedDate" DESC, ' if definition.field("LastModifiedDate") else ""
    binned = 'WHERE "IsDeleted" = 0' if definition.field("IsDeleted") else ""
    ids = request.org.storage.execute(
        f'SELECT "Id" FROM "{definition.name}" {binned} ORDER BY {order}"Id" DESC LIMIT 10'  # noqa: S608
    )
    names = [field for field in readable(request, definition) if field.name in {"Id", "Name"}]
    recent = seen(
        request, definition, request.org.storage.find(definition.name, Id=[row[0] for row in ids])
    )
    return Answer(
        body={
            "objectDescribe": _object(request, definition),
            "recentItems": [render(request, definition, one, names) for one in recent],
        }
    )


def describe(request: Request, object: str) -> Answer:
    """GET /sobjects/X/describe."""
    definition = find_object(request, object)
    address = f"{request.base}/{{ID}}"
    body = _object(request, definition)
    urls = {
        **body["urls"],
        "uiDetailTemplate": address,
        "uiEditTemplate": f"{address}/e",
        "uiNewRecord": f"{request.base}/{definition.key_prefix}/e",
    }
    body |= {
        "actionOverrides": [],
        "childRelationships": _children(request, definition),
        "compactLayoutable": definition.layoutable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [_field(one) for one in readable(request, definition)],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(request, definition),
        "searchLayoutable": definition.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {definition.label_plural}", "name": "everything"}],
        "urls": urls,
    }
    return conditional(request, definition.name, dict(sorted(body.items())))


def _object(request: Request, one: ObjectDef) -> dict[str, Any]:
    root = f"{request.data}/sobjects/{one.name}"
    urls = {"describe": f"{root}/describe", "rowTemplate": f"{root}/{{ID}}", "sobject": root}
    if one.layoutable:
        urls |= {
            "approvalLayouts": f"{root}/describe/approvalLayouts",
            "compactLayouts": f"{root}/describe/compactLayouts",
            "layouts": f"{root}/describe/layouts",
            "listviews": f"{root}/listviews",
            "quickActions": f"{root}/quickActions",
        }
    return {
        "activateable": False,
        "associateEntityType": "History" if one.name.endswith("History") else None,
        "associateParentEntity": None,
        "createable": one.createable,
        "custom": one.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": one.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": one.triggerable,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": one.key_prefix,
        "label": one.label,
        "labelPlural": one.label_plural,
        "layoutable": one.layoutable,
        "mergeable": one.mergeable,
        "mruEnabled": one.layoutable,
        "name": one.name,
        "queryable": one.queryable,
        "replicateable": one.replicateable,
        "retrieveable": one.queryable,
        "searchable": one.searchable,
        "triggerable": one.triggerable,
        "undeletable": one.undeletable,
        "updateable": one.updateable,
        "urls": urls,
    }


def _children(request: Request, definition: ObjectDef) -> list[dict[str, Any]]:
    shown = []
    for child in definition.children:
        target = request.org.schema.object(child.child)
        if target is None or not request.org.has_object(target):
            continue
        shown.append(
            {
                "cascadeDelete": child.cascade_delete,
                "childSObject": child.child,
                "deprecatedAndHidden": False,
                "field": child.field,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": child.name,
                "restrictedDelete": child.restricted_delete,
            }
        )
    return shown


def _record_types(request: Request, definition: ObjectDef) -> list[dict[str, Any]]:
    """The object's own record types and Master, which is always there [R]."""
    own = request.org.storage.find("RecordType", SobjectType=definition.name)
    found = [(one["Id"], one["Name"], one["DeveloperName"], one["IsActive"]) for one in own]
    found.append((MASTER, "Master", "Master", True))
    return [
        {
            "active": active,
            "available": True,
            "defaultRecordTypeMapping": id_ == MASTER,
            "developerName": developer_name,
            "master": id_ == MASTER,
            "name": name,
            "recordTypeId": id_,
            "urls": {"layout": f"{request.data}/sobjects/{definition.name}/describe/layouts/{id_}"},
        }
        for id_, name, developer_name, active in found
    ]


def _field(field: FieldDef) -> dict[str, Any]:
    text = field.is_text or field.is_id
    name_field = field.name in {"Name", "Subject", "CaseNumber"} and not field.custom
    return {
        "aggregatable": field.filterable and field.type not in {"boolean", "textarea", "address"},
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": _byte_length(field, text),
        "calculated": field.calculated,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 8 if field.type == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": None,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.id_lookup,
        "inlineHelpText": None,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": name_field,
        "namePointing": field.polymorphic,
        "nillable": field.nillable,
        "permissionable": field.custom,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": one, "validFor": None, "value": one}
            for one in field.picklist
        ],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": False,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def _byte_length(field: FieldDef, text: bool) -> int:
    """Three bytes a character of text; an id has 18 [R]."""
    if field.is_id:
        return 18
    return field.length * 3 if text else 0

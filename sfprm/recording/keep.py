"""What of an exchange is kept as it is. Everything else is replaced, elided or dropped.

The list names what is harmless, never what is secret: a field that nobody thought of is scrubbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources

__all__ = ["NO_NAMES", "SALESFORCE", "KeepList", "words"]


@dataclass(frozen=True, slots=True)
class KeepList:
    """Names of what is kept; add to it with `plus`.

    `fields` are names of JSON members, CSV columns, XML elements and form fields, either alone or
    as `Object.Field`. The values of kept fields still lose what has the shape of a secret, an id,
    an address or a host. `kinds` says what a stand-in of a field is called (`Person 3`); the others
    are called `text-3`. `messages` are fields of free text: only words of `words.txt` stay.
    """

    request_headers: frozenset[str] = frozenset()
    response_headers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    path_words: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    elided: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)

    def plus(self, **more: frozenset[str] | set[str]) -> KeepList:
        """A longer list: `SALESFORCE.plus(fields={"Lead.Product__c"})`."""
        merged = {item.name: getattr(self, item.name) for item in fields(self)}
        for name, values in more.items():
            merged[name] = merged[name] | frozenset(values)
        return KeepList(**merged)

    def keeps(self, object_: str, name: str) -> bool:
        """Whether values of the field stay."""
        return name in self.fields or f"{object_}.{name}" in self.fields


NO_NAMES = KeepList()
"""Nothing is kept: a start for an API that is not Salesforce's."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SALESFORCE = KeepList(
    request_headers=_names(
        "accept authorization content-type if-match if-modified-since if-none-match soapaction "
        "sforce-auto-assign sforce-call-options sforce-duplicate-rule-header sforce-query-options "
    ),
    response_headers=_names(
        "content-type last-modified location retry-after sforce-limit-info sforce-locator "
        "sforce-numberofrecords allow"
    ),
    fields=_names(
        # the frame of REST's answers; ids, addresses and hosts get stand-ins wherever they stand
        "type success created errors statusCode errorCode fields totalSize done hasErrors "
        "httpStatusCode referenceId allOrNone method version token_type issued_at scope grant_type "
        "format response_type error isSuccess actionName sort_order "
        "latestDateCovered earliestDateAvailable "
        # dates and choices of records
        "CreatedDate LastModifiedDate SystemModstamp LastLoginDate LastViewedDate "
        "LastReferencedDate LastPasswordChangeDate "
        "Type Status Rating UserType PortalRole PortalType SobjectType "
        "TimeZoneSidKey LocaleSidKey EmailEncodingKey LanguageLocaleKey CurrencyIsoCode "
        "OrganizationType InstanceName Profile.Name UserLicense.Name LicenseDefinitionKey "
        # describe
        "describe.name describe.relationshipName describe.field describe.childSObject types.name "
        "soapType byteLength length precision scale digits createable updateable nillable "
        "unique externalId defaultedOnCreate referenceTo filterable sortable "
        "groupable custom keyPrefix queryable searchable deletable undeletable "
        "retrieveable mergeable triggerable layoutable replicateable deprecatedAndHidden "
        "calculated caseSensitive restrictedPicklist dependentPicklist autoNumber permissionable "
        "idLookup nameField namePointing htmlFormatted encrypted cascadeDelete restrictedDelete "
        "writeRequiresMasterRead active customSetting feedEnabled "
        "aggregatable polymorphicForeignKey maxBatchSize encoding "
        # limits
        "Max Remaining "
        # metadata
        "status state checkOnly singlePackage rollbackOnError ignoreWarnings purgeOnDelete "
        "performRetrieve allowMissingFiles autoUpdatePackage testLevel runTestsEnabled "
        "numberComponentErrors numberComponentsDeployed numberComponentsTotal numberTestErrors "
        "numberTestsCompleted numberTestsTotal lineNumber columnNumber componentType problemType "
        "changed deleted warning startDate completedDate createdDate lastModifiedDate "
        "includeZip faultcode apiVersion "
        "manageableState numFailures totalTime "
        # bulk
        "operation object contentType lineEnding columnDelimiter concurrencyMode jobType "
        "numberRecordsProcessed numberRecordsFailed retries totalProcessingTime apexProcessingTime "
        "apiActiveProcessingTime sf__Created externalIdFieldName"
    ),
    parameters=_names(
        "includeDetails allOrNone start end maxRecords locator ids fields grant_type format "
        "updateMru deleteConstraint"
    ),
    path_words=_names(
        "services data oauth2 token userinfo introspect revoke id Soap u m c async query queryAll "
        "search sobjects composite tree graph batch describe deleted updated limits recent tooling "
        "metadata deployRequest jobs ingest batches successfulResults failedResults "
        "unprocessedrecords results resultPages actions standard custom emailSimple password "
        "event analytics parameterizedSearch layouts defaultValues executeAnonymous "
        # folders and files of metadata packages
        "package.xml unpackaged objects permissionsets profiles settings queues networks sites "
        "roles groups sharingRules assignmentRules layouts tabs flows classes triggers labels "
        "Communities.settings Sharing.settings Security.settings"
    ),
    hosts=_names(
        "login.salesforce.com test.salesforce.com soap.sforce.com urn.partner.soap.sforce.com "
        "www.w3.org schemas.xmlsoap.org www.salesforce.com"
    ),
    messages=_names("message error_description errorMessage problem faultstring title"),
    elided=_names(
        "access_token refresh_token id_token client_secret password sessionId session_id signature "
        "code code_verifier newPassword NewPassword securityToken secret api_key apikey"
    ),
    kinds={
        **dict.fromkeys(
            ("LastName", "FirstName", "MiddleName", "given_name", "family_name", "nickname"),
            "Person",
        ),
        **dict.fromkeys(("Company", "CompanyName", "organization_name"), "Company"),
        **dict.fromkeys(("Phone", "MobilePhone", "Fax", "HomePhone"), "phone"),
        **dict.fromkeys(("Street", "City", "PostalCode", "BillingStreet", "BillingCity"), "place"),
        "client_id": "client",
        "Alias": "a",
        "CommunityNickname": "nick",
    },
)


@cache
def words() -> frozenset[str]:
    """Words that Salesforce's own messages are made of, in lower case."""
    text = resources.files("sfprm.recording").joinpath("words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())

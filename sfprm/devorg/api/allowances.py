"""GET /limits: all names that the documentation lists [D], nested objects per app left out. What is
imitated is counted; the rest stands at a Developer Edition's number with all of it left (numbers
[M])."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.problems import Refusal
from sfprm.devorg.usage import mails_today, storage_kilobytes

__all__ = ["limits"]

_UNUSED = {
    "ActiveScratchOrgs": 3,
    "AnalyticsExternalDataSizeMB": 40_960,
    "BOZosCalloutHourlyLimit": 20_000,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51_200,
    "DailyAsyncApexExecutions": 250_000,
    "DailyAsyncApexTests": 500,
    "DailyDeliveredPlatformEvents": 10_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyEinsteinDataInsightsStoryCreation": 1_000,
    "DailyEinsteinDiscoveryOptimizationJobRuns": 25,
    "DailyEinsteinDiscoveryPredictAPICalls": 50_000,
    "DailyEinsteinDiscoveryPredictionsByCDC": 500_000,
    "DailyEinsteinDiscoveryStoryCreation": 100,
    "DailyFunctionsApiCallLimit": 50_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyScratchOrgs": 6,
    "DailyStandardVolumePlatformEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 1_000,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 20,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyManagedContentPublicRequests": 50_000,
    "HourlyODataCallout": 10_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1_500,
    "PrivateConnectOutboundCalloutHourlyLimitMB": 0,
    "PublishCallbackUsageInApex": 5_242_880,
    "StreamingApiConcurrentClients": 20,
}
_STORAGE_MB = 5


def limits(request: Request) -> Answer:
    """GET /limits; needs View Setup [D] (the refusal is unverified)."""
    org, access = request.org, request.access
    if not (access.has("ViewSetup") or access.has("ModifyAllData")):
        raise Refusal(403, "INSUFFICIENT_ACCESS", "You do not have access to view limits")
    now, bulk = org.limits, org.bulk
    storage = int(now.storage_mb if now.storage_mb is not None else _STORAGE_MB)
    counted = {
        "DailyApiRequests": (now.daily_api, now.daily_api - org.calls.used),
        "DailyBulkApiBatches": (bulk.limit("batches"), bulk.left("batches")),
        "DailyBulkV2QueryJobs": (bulk.limit("query_jobs"), bulk.left("query_jobs")),
        "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
        "DataStorageMB": (storage, storage - storage_kilobytes(org) // 1024),
        "SingleEmail": (now.single_email, now.single_email - mails_today(org)),
    }
    every = {name: (number, number) for name, number in _UNUSED.items()} | counted
    return Answer(
        body={
            name: {"Max": most, "Remaining": max(0, left)}
            for name, (most, left) in sorted(every.items())
        }
    )

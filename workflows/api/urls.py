"""Routes of the workflows API."""

from __future__ import annotations

from django.urls import path

from workflows.api.requests import (
    AdjustmentView,
    ChangeView,
    CorrectionView,
    MarkdownRequestView,
    RequestListView,
    RequestView,
    RequisitionView,
    ResumeRequestView,
    TransferRequestView,
    WithdrawalView,
)
from workflows.api.views import (
    ApprovalListView,
    ApprovalView,
    BulkDecisionView,
    CaseRunView,
    DecisionView,
    PolicyView,
    RunListView,
    RunView,
)

urlpatterns = [
    path("approvals", ApprovalListView.as_view(), name="approval-list"),
    path("approvals/decide", BulkDecisionView.as_view(), name="approval-decide-all"),
    path("approvals/<int:approval_id>", ApprovalView.as_view(), name="approval-detail"),
    path("approvals/<int:approval_id>/decide", DecisionView.as_view(), name="approval-decide"),
    path("runs", RunListView.as_view(), name="run-list"),
    path("runs/<int:run_id>", RunView.as_view(), name="run-detail"),
    path("exceptions/<int:case_id>/runs", CaseRunView.as_view(), name="case-run"),
    path("requests", RequestListView.as_view(), name="request-list"),
    path("requests/<int:request_id>", RequestView.as_view(), name="request-detail"),
    path("requests/<int:request_id>/withdraw", WithdrawalView.as_view(), name="request-withdraw"),
    path("adjustments", AdjustmentView.as_view(), name="adjustment-list"),
    path("events/<int:event_id>/correct", CorrectionView.as_view(), name="event-correct"),
    path("transfers", TransferRequestView.as_view(), name="transfer-list"),
    path("purchase-requisitions", RequisitionView.as_view(), name="requisition-list"),
    path("markdowns", MarkdownRequestView.as_view(), name="markdown-list"),
    path("exposure/resume", ResumeRequestView.as_view(), name="listing-resume"),
    path("change-requests", ChangeView.as_view(), name="change-request-list"),
    path("policies/<slug:key>", PolicyView.as_view(), name="policy-detail"),
]

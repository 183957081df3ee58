"""Pages of workflows."""

from __future__ import annotations

from django.urls import path

from workflows.console.inbox import ApprovalBulkView, ApprovalDecideView, ApprovalListView

app_name = "workflows"
urlpatterns = [
    path("", ApprovalListView.as_view(), name="approval-list"),
    path("bulk/", ApprovalBulkView.as_view(), name="approval-bulk"),
    path("<int:pk>/decide/", ApprovalDecideView.as_view(), name="approval-decide"),
]

"""Pages of workflows."""

from __future__ import annotations

from django.urls import path

from workflows.console.inbox import ApprovalBulkView, ApprovalDecideView, ApprovalListView
from workflows.console.pricing import ItemMarkdownView, ItemPriceView

app_name = "workflows"
urlpatterns = [
    path("", ApprovalListView.as_view(), name="approval-list"),
    path("bulk/", ApprovalBulkView.as_view(), name="approval-bulk"),
    path("items/<str:sku>/price/", ItemPriceView.as_view(), name="item-price"),
    path("items/<str:sku>/markdown/", ItemMarkdownView.as_view(), name="item-markdown"),
    path("<int:pk>/decide/", ApprovalDecideView.as_view(), name="approval-decide"),
]

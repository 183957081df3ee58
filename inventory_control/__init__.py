"""Retail inventory control as one loop.

Events come in (`events`), are posted once on a double-entry ledger (`stock`) and on the documents
that move stock (`orders`); what may be sold follows from it (`availability`) and leaves for the
channels (`outbox`, `connectors`). Detectors turn risks into cases (`exceptions`), advisors add
evidence (`ai_advice`), a governed workflow asks the right person and acts (`workflows`), the effect
is confirmed and measured (`kpi`). Beside every step stands the audit log (`audit`).

The stages in order are in `pipeline.py`; what a new tenant receives is in `provisioning.py`.
"""

"""The decisions of reconciliation: what policy says, how far numbers differ, and why. Pure."""

from inventory_control.reconciliation.rules.causes import causes_of, closing_words
from inventory_control.reconciliation.rules.gaps import gap_of, judge, odd_ones, states_of
from inventory_control.reconciliation.rules.terms import DEFAULTS, POLICY, check_terms, terms_of
from inventory_control.reconciliation.rules.totals import declaration_of, missing_ids

__all__ = [
    "DEFAULTS",
    "POLICY",
    "causes_of",
    "check_terms",
    "closing_words",
    "declaration_of",
    "gap_of",
    "judge",
    "missing_ids",
    "odd_ones",
    "states_of",
    "terms_of",
]

"""The grammar every app speaks: actors, clock, permissions, states, bells, tenancy; no models of its own."""

"""Stories: YAML steps run against a sandbox tenant through the API."""

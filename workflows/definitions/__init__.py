"""The definitions shipped with the product, as YAML; tenants keep versions of them."""

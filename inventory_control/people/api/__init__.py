"""REST doors of people: authentication of keys and sessions."""

"""Who works in a tenant (and, in `public`, who works for a partner): users, roles, keys, delegates."""

"""Partners, their retailers and what each looks like; the shared tables in `public`."""

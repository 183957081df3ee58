"""The border: adapters that translate messages in and deliver commands out."""

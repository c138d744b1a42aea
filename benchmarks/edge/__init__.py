"""Bundles as C on devices: what builds them, what runs them here, and what they cost there."""

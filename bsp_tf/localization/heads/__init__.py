"""Localization heads: networks that find actions in snippet features."""

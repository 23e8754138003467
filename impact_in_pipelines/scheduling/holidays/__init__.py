"""Holidays: the countries and named calendars that are known, and lists of them in words."""

"""Tests of the sandbox room, through real HTTP."""

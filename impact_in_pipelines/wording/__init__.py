"""The sentences of refusals, one for each code, for every door; see `wording.sentences`."""

from impact_in_pipelines.wording.sentences import Translate, readable, sentence

__all__ = ["Translate", "readable", "sentence"]

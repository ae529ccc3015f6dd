"""The research report: how a draft becomes a text that answers, with what is open and which documents were read."""

"""One module per row. Each has exactly these names:

- `NAME`: the row's label; `MAIN`: the distribution whose version is shown.
- `VENV`: what its environment installs, or `"project"` for this checkout; `VENV_NAME` where rows share one.
- `async make_job(base_url)`: may build clients, agents and graphs, everything that a user would build once per process.
  The callable it returns does *one whole job* (11 model calls) for one topic and returns the final text; many may run at
  once in one event loop.
"""

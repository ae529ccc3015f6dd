"""What stands around code that is not ours: an end in time, a failure with a name, no hold on its siblings.

`frame` runs it, `attempt` makes of it a worker's attempt at a task, `watchdog` says who blocks the event loop, `places`
where code stands.
"""

"""JSON out of what models write: `read` is the way in; the others are its steps."""
